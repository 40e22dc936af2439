"""The documents: everything held is in the one, what was erased and kept in the other, and both can be read."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from callgate.core.events import Event, Kind
from callgate.core.requests import Answer, Correction, Request, Right, Stage
from callgate.core.retention import Terms
from callgate.rights import certificate
from callgate.rights.access import OF_OTHERS, OTHER, SECTIONS, Document, give_access
from callgate.rights.desk import Unfit
from callgate.rights.erasing import end_terms, erase
from callgate.rights.holding import LANGUAGES, held_on
from callgate.rights.limiting import object_, rectify
from callgate.rights.pages import access_page, certificate_page, texts
from callgate.stores.ledger.checkpoints import public_key
from tests.rights.conftest import ANNA, DAY, NOW, OFFICER, Place, asked

pytestmark = pytest.mark.server

SIGNING = bytes([2]) * 32
"""The signing key of the tests' ledgers."""


async def identified(place: Place, right: Right, language: str = "fr", controller: str = "acme") -> Request:
    wanted = replace(asked(controller=controller), language=language)
    return await place.desk.identify(OFFICER, await place.desk.open(OFFICER, right, wanted), "identity card seen")


async def document(place: Place, language: str = "fr", controller: str = "acme") -> Document:
    return await give_access(place.desk, OFFICER, await identified(place, Right.ACCESS, language, controller))


def records(made: Document) -> list[dict[str, Any]]:
    found: list[Any] = [made[name] for name in (*SECTIONS, OTHER)]
    return [record for section in found for record in section]


# Access.


async def test_everything_that_is_held_is_in_the_document_once(place: Place) -> None:
    await object_(place.desk, OFFICER, asked())
    await rectify(place.desk, OFFICER, asked(), Correction.LANGUAGE, "fr")
    alarm = Event(Kind.ALARM, NOW, "a1", payload={"alarm": "of Anna's call, naming nobody"})
    await place.ledger.append([alarm])
    request = await identified(place, Right.ACCESS)
    held = await held_on(place.ledger, ANNA, "acme")
    made = await give_access(place.desk, OFFICER, request)
    told = records(made)
    assert sorted((one["at"], one["event"]) for one in told) == sorted(
        (event.at.isoformat(), event.kind.value) for event in held.events
    )
    assert {"alarm", "rectification", "objection", "prior-consent"} <= {one["event"] for one in told}


async def test_the_document_tells_the_wording_the_consents_the_recipients_and_the_sources(place: Place) -> None:
    place.partners.names = ["north"]
    made: Any = await document(place)
    assert made["notices"][0]["prompts"][0]["text"] == "Anna is called by Brussels for Acme"
    assert [one["event"] for one in made["consents"]] == ["prior-consent", "consent"]
    assert made["consents"][0]["proof"] == "form 7"
    assert [one["call"] for one in made["recordings"]] == ["a1", "a1"]
    assert made["recipients"] == [
        {"recipient": "Brussels", "country": "BE", "contract": "DPA-brussels"},
        {"recipient": "north", "country": None, "contract": None},
    ]
    assert made["sources"] == [
        {"source": "import", "proof": "form 7"},
        {"source": "lead", "centre": "brussels", "campaign": "spring"},
    ]
    assert made["terms"] == {"contact": 365, "recording": 365, "proof": 1827}
    assert made["identity"]["how"] == "identity card seen"
    assert made["person"]["number"] == ANNA


async def test_the_document_tells_the_term_of_the_persons_own_country(place: Place) -> None:
    place.desk = replace(place.desk, terms=Terms(365 * DAY, 365 * DAY, 365 * DAY, {"FR": 1096 * DAY}))
    made: Any = await document(place)
    assert made["terms"] == {"contact": 365, "recording": 365, "proof": 1096}


async def test_the_document_says_nothing_of_others(place: Place) -> None:
    made = await document(place)
    text = json.dumps(made)
    assert '"a2"' not in text  # another company's call
    assert '"b1"' not in text
    assert "PJSIP/7" not in text  # the agent
    assert not {key for record in records(made) for key in record} & OF_OTHERS


async def test_access_is_for_who_was_identified_and_ends_the_request(place: Place) -> None:
    request = await place.desk.open(OFFICER, Right.ACCESS, asked())
    with pytest.raises(Unfit, match="was not identified"):
        await give_access(place.desk, OFFICER, request)
    made = await document(place)
    after = await place.desk.request(OFFICER, str(made["request"]))
    assert after.stage is Stage.CLOSED


# Pages.


class _Text(HTMLParser):
    """The words of a page, and the tags that are open at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    assert parser.open == []
    return " ".join(" ".join(parser.words).split())


def test_every_language_has_the_same_words() -> None:
    names = {
        language: {(part, name) for part, words in texts(language).items() for name in words} for language in LANGUAGES
    }
    assert all(found == names["en"] for found in names.values())
    assert all(word.strip() for language in LANGUAGES for words in texts(language).values() for word in words.values())


def test_every_section_and_event_that_can_be_held_has_a_name() -> None:
    assert {*SECTIONS, OTHER} <= texts("en")["sections"].keys()
    assert {kind.value for kinds in SECTIONS.values() for kind in kinds} <= texts("en")["events"].keys()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "Consent to recording"),
        ("nl", "Toestemming voor opname"),
        ("fr", "Consentement à l'enregistrement"),
        ("de", "Einwilligung in die Aufnahme"),
    ],
)
async def test_a_page_says_it_in_the_persons_language(place: Place, language: str, says: str) -> None:
    page = access_page(await document(place, language))
    assert f'<html lang="{language}">' in page
    text = read(page)
    assert says in text
    assert "Anna is called by Brussels for Acme" in text
    assert texts(language)["page"]["your_rights"] in text
    assert "<script" not in page


async def test_a_person_is_written_to_in_the_language_they_asked_for_else_in_that_of_the_last_call(
    place: Place,
) -> None:
    call = Event(Kind.VERDICT, NOW, "c9", ANNA, "acme", {"outcome": "block", "callee_language": "nl"})
    languages = []
    for event in (None, call):
        await place.ledger.append([event] if event else [])
        languages.append((await place.desk.open(OFFICER, Right.ACCESS, asked())).language)
    await rectify(place.desk, OFFICER, asked(), Correction.LANGUAGE, "de")
    languages.append((await place.desk.open(OFFICER, Right.ACCESS, asked())).language)
    assert languages == ["en", "nl", "de"]


async def test_what_comes_from_outside_is_escaped(place: Place) -> None:
    evil = "<script>alert(1)</script>"
    await rectify(place.desk, OFFICER, asked(), Correction.STATEMENT, evil)
    page = access_page(await document(place))
    assert evil not in page
    assert evil in read(page)


async def test_a_block_is_told_in_words(place: Place) -> None:
    await object_(place.desk, OFFICER, asked())
    await place.reason()
    assert "cette personne s'est opposée" in read(access_page(await document(place)))


# The certificate.


async def certified(place: Place, language: str = "en") -> tuple[Request, dict[str, str]]:
    place.partners.names = ["north", "south"]
    request = await erase(place.desk, OFFICER, await identified(place, Right.ERASURE, language))
    for name, answer in (("north", Answer.NOTHING_HELD), ("south", Answer.KEPT)):
        request = await place.desk.acknowledge(OFFICER, request, name, answer)
    return request, certificate.sign(request, "Acme", place.ledger.identity, SIGNING)


async def test_the_certificate_names_what_was_erased_where_when_by_whom_and_what_was_kept_and_why(place: Place) -> None:
    request, made = await certified(place)
    said = certificate.said(made)
    at = NOW.isoformat()
    assert [(one["what"], one["where"], one["by"], one["at"]) for one in said["erased"]] == [
        ("contact", "ledger", "officer", at),
        ("recordings", "recordings", "officer", at),
        ("counters", "cache", "officer", at),
        ("consents", "cache", "officer", at),
        ("copy", "north", "officer", at),
    ]
    assert said["erased"][0]["events"]["verdict"] == 1
    assert said["erased"][1]["files"] == 1
    assert [(one["what"], one["where"], one.get("until")) for one in said["kept"]] == [
        ("suppression", "ledger", None),
        ("proof", "ledger", "2031-11-25"),
        ("copy", "south", None),
    ]
    assert all("17(3)" in one["basis"] for one in said["kept"][:2])
    assert said["identified"] == {"at": at, "by": "officer"}
    assert (said["person"], said["request"]) == ("+33 ••• 42", request.id)
    assert ANNA[1:] not in json.dumps(made)


async def test_a_certificate_that_was_changed_is_not_signed(place: Place) -> None:
    _, made = await certified(place)
    signer = public_key(SIGNING)
    assert certificate.is_signed(made, signer)
    assert not certificate.is_signed(made, public_key(bytes(32)))
    for name, old, new in (
        ("statement", '"files":1', '"files":0'),
        ("signature", made["signature"][:2], "zz"),
        ("signature", made["signature"][:2], f"{int(made['signature'][:2], 16) ^ 1:02x}"),
        ("signer", made["signer"][:1], "x"),
    ):
        assert old in made[name]
        assert not certificate.is_signed({**made, name: made[name].replace(old, new, 1)}, signer)


async def test_a_certificate_can_be_made_again_also_when_nobody_knows_the_number_any_more(place: Place) -> None:
    request, made = await certified(place)
    place.time.now += 1828 * DAY
    assert await end_terms(place.desk, "watch", [request]) == 1
    after = await place.desk.request(OFFICER, request.id)
    assert after.number is None
    assert certificate.sign(after, "Acme", place.ledger.identity, SIGNING) == made


async def test_there_is_no_certificate_of_what_is_not_closed(place: Place) -> None:
    place.partners.names = ["north"]
    request = await erase(place.desk, OFFICER, await identified(place, Right.ERASURE))
    with pytest.raises(Unfit, match="waits for north"):
        certificate.sign(request, "Acme", "ledger", SIGNING)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_certificate_is_a_page_in_the_persons_language(place: Place, language: str) -> None:
    _, made = await certified(place, language)
    text = read(certificate_page(made))
    for word in ("certificate", "intro_certificate", "restricted", "signed", "no_end"):
        assert texts(language)["page"][word] in text
    for what in ("contact", "recordings", "counters", "consents", "suppression", "proof", "copy"):
        assert texts(language)["what"][what] in text
    for where in texts(language)["where"].values():
        assert where in text
    assert made["signature"] in text
