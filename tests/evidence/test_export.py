"""What goes into a bundle, what stays out of it, and what of its making is in the ledger."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from callgate.config import Settings
from callgate.core.access import Principal, Role
from callgate.core.events import Json, Kind
from callgate.evidence.export import Forbidden
from callgate.evidence.verifier import Report, read_anchor, verify
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.upkeep import retain
from tests.core.test_prompts_catalogue import store
from tests.evidence.conftest import (
    ANNA,
    BRAM,
    CLEO,
    NOW,
    OFFICER,
    SOUND,
    contents,
    event,
    events_of,
    exported,
    fill,
    opened,
)  # fmt: skip


def sound(report: Report) -> bool:
    assert report.problems == []
    return True


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if "b.zip" in path.name]


def told(report: Report) -> str:
    return "\n".join([*report.checked, *report.not_shown])


async def test_everything_that_is_asked_for_is_there_and_verifies(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    done = await exported(ledger, settings, tmp_path / "b.zip")
    assert (done.shown, done.spanned) == (13, 13)
    report = verify(tmp_path / "b.zip")
    assert sound(report)
    assert "Events 1 to 13 are all there" in told(report)
    assert "outside the selection" not in told(report)


async def test_that_it_is_exported_is_in_the_ledger_and_in_the_bundle(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", number=ANNA, because="a complaint")
    [entry] = await ledger.read(kinds=[Kind.EXPORTED])
    said = entry.event.payload
    assert (said["by"], said["because"], said["events"], said["revealed"]) == ("An Officer", "a complaint", 7, False)
    assert ANNA not in json.dumps(dict(said))
    assert len(said["subjects"]) == 2  # type: ignore[arg-type]  # of contact and of proof


async def test_nothing_is_written_where_the_ledger_does_not_take_that_it_is(
    ledger: Ledger, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise LedgerUnavailable("full")

    monkeypatch.setattr(ledger, "append", refuse)
    with pytest.raises(LedgerUnavailable):
        await exported(ledger, settings, tmp_path / "b.zip")
    assert left_in(tmp_path) == []


async def test_an_export_that_fails_half_way_leaves_no_file(
    ledger: Ledger, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("callgate.evidence.export.report", fail)
    with pytest.raises(OSError, match="no room"):
        await exported(ledger, settings, tmp_path / "b.zip")
    assert left_in(tmp_path) == []
    (tmp_path / "b.zip").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        await exported(ledger, settings, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == b"mine"


async def test_of_another_company_nothing_is_in_a_bundle(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", controller="acme", audio=True)
    files = contents(tmp_path / "b.zip")
    assert [line["seq"] for line in events_of(files)] == [1, 2, 4, 5, 7, 8, 9, 11, 12, 13]
    everything = b"\0".join(files.values()).lower()
    for of_the_rival in (b"rival", b"secret", b'"r1"', b"pjsip/8", CLEO[1:].encode()):
        assert of_the_rival not in everything, of_the_rival
    report = verify(tmp_path / "b.zip")
    assert sound(report)
    assert "3 events are outside the selection" in told(report)


async def test_numbers_stay_sealed_unless_they_are_revealed(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", controller="acme")
    assert not any(n.encode() in b for b in contents(tmp_path / "b.zip").values() for n in (ANNA, ANNA[1:], BRAM))
    await exported(ledger, settings, tmp_path / "r.zip", controller="acme", number=ANNA, reveal=True, because="asked")
    files = contents(tmp_path / "r.zip")
    rows = [json.loads(line) for line in files["revealed.jsonl"].splitlines()]
    assert {row["number"] for row in rows} == {ANNA}
    assert not any(BRAM.encode() in content for content in files.values())
    assert sound(verify(tmp_path / "r.zip"))
    assert [e.event.payload["revealed"] for e in await ledger.read(kinds=[Kind.EXPORTED])] == [False, True]


CONFINED = Principal("Ed", Role.OFFICER, frozenset({"acme"}))


@pytest.mark.parametrize(
    ("who", "asked", "says"),
    [
        (Principal("Su", Role.SUPERVISOR), {}, "by officers"),
        (Principal("Al", Role.AGENT), {"controller": "acme"}, "by officers"),
        (Principal("Ad", Role.ADMIN), {"reveal": True, "because": "curious"}, "to officers only"),
        (OFFICER, {"reveal": True, "because": " "}, "say why"),
        (CONFINED, {}, "name it with --controller"),
        (CONFINED, {"controller": "rival"}, "name it with --controller"),
        (CONFINED, {"controller": "acme", "links": True}, "confined to one"),
    ],
)
async def test_who_may_not_have_it_gets_nothing_and_enters_nothing(
    ledger: Ledger, settings: Settings, tmp_path: Path, who: Principal, asked: dict[str, object], says: str
) -> None:
    with pytest.raises(Forbidden, match=says):
        await exported(ledger, settings, tmp_path / "b.zip", who, **asked)
    assert await ledger.read(kinds=[Kind.EXPORTED]) == []
    assert not (tmp_path / "b.zip").exists()


async def test_one_call_and_one_period_are_found_in_a_span_between_checkpoints(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    await exported(ledger, settings, tmp_path / "c.zip", call="a1")
    assert [line["seq"] for line in events_of(contents(tmp_path / "c.zip"))] == [1, 2, 4, 5, 7, 8, 9]
    since, until = NOW + timedelta(minutes=4), NOW + timedelta(minutes=6)
    done = await exported(ledger, settings, tmp_path / "p.zip", since=since, until=until)
    assert (done.shown, done.spanned) == (3, 6)
    report = verify(tmp_path / "p.zip")
    assert sound(report)
    assert "Events 4 to 9 are all there" in told(report)


async def test_a_period_in_which_nothing_was_is_proven_too(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    done = await exported(ledger, settings, tmp_path / "b.zip", until=NOW - timedelta(days=1))
    assert done.shown == 0
    assert sound(verify(tmp_path / "b.zip"))


async def test_with_links_it_shows_whose_the_events_outside_are(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", controller="acme", links=True)
    bare = [line for line in events_of(contents(tmp_path / "b.zip")) if "body" not in line]
    assert [(line["seq"], line["controller"]) for line in bare] == [(3, "rival"), (6, None), (10, "rival")]
    report = verify(tmp_path / "b.zip")
    assert sound(report)
    assert "3 events are shown without what they say" in told(report)


async def test_what_retention_took_away_still_has_its_place(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    await retain(ledger, {Kind.VERDICT: NOW + timedelta(days=1)}, NOW, "test")
    await exported(ledger, settings, tmp_path / "b.zip")
    report = verify(tmp_path / "b.zip")
    assert sound(report)
    assert "5 no longer say anything" in told(report)


async def test_several_writers_and_both_databases(url: str, settings: Settings, tmp_path: Path) -> None:
    one, two = await opened(url), await opened(url, "cli")
    await fill(one, settings)
    await fill(two, settings)
    await exported(two, settings, tmp_path / "b.zip", controller="acme")
    assert sound(verify(tmp_path / "b.zip"))
    await one.close()
    await two.close()


async def test_an_anchor_that_was_received_holds_the_bundle(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    checkpoint = await ledger.checkpoint(NOW)
    assert checkpoint is not None
    received = read_anchor(str(checkpoint.anchor))
    await exported(ledger, settings, tmp_path / "b.zip")
    report = verify(tmp_path / "b.zip", [received])
    assert sound(report)
    assert "Checkpoint 4 is that of an anchor" in told(report)
    assert str(checkpoint.anchor.number + 1) in contents(tmp_path / "b.zip")["anchors.txt"].decode()
    later = received._replace(number=9)
    assert "cut off" in verify(tmp_path / "b.zip", [later]).problems[0]
    forged = received._replace(digest=bytes(20))
    assert "another than it was" in verify(tmp_path / "b.zip", [forged]).problems[0]


async def test_the_policy_that_was_in_force_is_there_as_far_as_it_concerns_the_company(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", controller="acme")
    [policy] = [json.loads(line) for line in contents(tmp_path / "b.zip")["policies.jsonl"].splitlines()]
    parts = [json.loads(part) for part in policy["parts"]]
    assert [part["of"] for part in parts] == ["shared", "controller acme", "centre brussels"]
    assert parts[1]["mandates"][0]["reference"] == "DPA-1"
    assert len(policy["others"]) == 1


async def test_a_policy_that_was_not_kept_is_named_and_nothing_more(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "state" / "policies")
    await exported(ledger, settings, tmp_path / "b.zip")
    [policy] = [json.loads(line) for line in contents(tmp_path / "b.zip")["policies.jsonl"].splitlines()]
    assert (policy["parts"], policy["others"]) == ([], [])
    assert sound(verify(tmp_path / "b.zip"))


async def test_the_audio_that_callees_heard_goes_along_if_asked(
    ledger: Ledger, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "prompts").mkdir()
    stored = store(tmp_path / "prompts", ("identification/spring/brussels", "callee/objected"))
    heard = next(entry for entry in stored.prompts if entry.name.startswith("identification"))
    played: dict[str, Json] = {"name": heard.name, "language": "en", "sha256": heard.sha256, "text": heard.text}
    await ledger.append([event(Kind.NOTICE, 20, "a9", ANNA, "acme", prompts=[played | {"whole": False}])])
    await exported(ledger, settings, tmp_path / "b.zip", audio=True)
    sounds = {name: content for name, content in contents(tmp_path / "b.zip").items() if name.startswith("audio/")}
    assert sounds == {f"audio/{heard.sha256}.wav": b"identification/spring/brussels"}
    assert json.loads(contents(tmp_path / "b.zip")["statistics.json"])["notices"]["not to its end"] == 1
    assert sound(verify(tmp_path / "b.zip"))


async def test_the_figures_are_those_of_the_events(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", controller="acme")
    files = contents(tmp_path / "b.zip")
    figures = json.loads(files["statistics.json"])
    assert figures["verdicts"] == {"2026-11-24": {"clear": 2, "objection": 1}}
    assert figures["notices"] == {"to its end": 1}
    assert figures["answers"] == {"consents": 1, "refusals": 0, "withdrawals": 0}
    assert figures["objections"]["blocked_afterwards"] == 1
    assert figures["objections"]["allowed_afterwards"] == 0
    assert figures["objections"]["seconds_until_first_block"]["least"] == 180.0
    [prompt] = [json.loads(line) for line in files["prompts.jsonl"].splitlines()]
    assert (prompt["sha256"], prompt["text"], prompt["whole"]) == (SOUND, "Bonjour, ici Bruxelles.", 2)


async def test_the_report_asks_nothing_of_any_other_place(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    await exported(ledger, settings, tmp_path / "b.zip", number=ANNA)
    page = contents(tmp_path / "b.zip")["report.html"].decode()
    assert "<svg" in page
    assert "+33 ••• 42" in page
    assert not any(word in page for word in ("http:", "https:", "src=", "href=", "<script", "url(", "@import"))
