"""Another policy comes into force while calls go on, or does not and says so."""

from pathlib import Path

import pytest

from callgate import config
from callgate.config import Settings
from callgate.core.events import Json, Kind
from callgate.evidence.policies import FOLDER, read
from callgate.office.policing import Policing
from callgate.prompts.catalogue import CURRENT
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from tests.core.test_config import GOOD
from tests.core.test_prompts_catalogue import store
from tests.stores.conftest import NOW

BUILT = ("identification/spring/brussels", "question/spring", "callback/spring")


class Site:
    """A configuration on disk with its prompts, and what a supervisor was told."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "callgate.toml"
        self.prompts = folder / "prompts"
        self.prompts.mkdir()
        self.build(BUILT)
        self.write()
        self.alarms: list[str] = []

    def write(self, **changes: str) -> None:
        text = GOOD.replace('FR = "fr", ', "").replace('"prompts"', f'"{self.prompts}"')
        text = text.replace('state = "state"', f'state = "{self.file.parent}"')
        for old, new in changes.items():
            text = text.replace(old, new)
        self.file.write_text(text)

    def build(self, names: tuple[str, ...]) -> None:
        (self.prompts / CURRENT).unlink(missing_ok=True)
        store(self.prompts, names)

    def load(self) -> Settings:
        return config.load(self.file, {})

    def policing(self, ledger: Ledger) -> Policing:
        return Policing(self.load(), self.load, ledger, lambda: NOW, self.alarms.append)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site").mkdir()
    return Site(tmp_path / "site")


async def noted(ledger: Ledger) -> list[Json]:
    return [entry.event.payload["policy"] for entry in await ledger.read(kinds=[Kind.POLICY_LOADED])]


async def test_a_policy_that_loads_is_in_force_and_in_the_ledger(site: Site, ledger: Ledger) -> None:
    policing = site.policing(ledger)
    before = policing.policy
    site.write(**{"DPA-1": "DPA-2"})
    assert await policing.reload()
    assert policing.policy.version != before.version
    assert policing.policy.mandates["acme", "brussels"].reference == "DPA-2"
    assert await noted(ledger) == [policing.policy.version]
    assert site.alarms == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('centre = "brussels"', 'centre = "bruges"'),
        ("[site]", "[site"),
        ("[campaigns.spring]", "[campaigns.summer]"),
        ("[campaigns.spring", "[campaigns.summer"),
    ],
)
async def test_one_that_does_not_leaves_the_old_one_in_force_and_says_so(
    site: Site, ledger: Ledger, old: str, new: str
) -> None:
    policing = site.policing(ledger)
    before = policing.policy, policing.catalogue
    site.write(**{old: new})
    assert not await policing.reload()
    assert (policing.policy, policing.catalogue) == before
    assert site.alarms == ["policy-not-loaded"]
    assert await noted(ledger) == []


async def test_prompts_that_were_built_meanwhile_come_with_it(site: Site, ledger: Ledger) -> None:
    policing = site.policing(ledger)
    site.write(**{"[campaigns.spring": "[campaigns.summer"})
    assert not await policing.reload()
    site.build(("identification/summer/brussels", "callback/summer"))
    assert await policing.reload()
    assert policing.catalogue.notice("summer", "brussels", "en").question is None


async def test_what_the_ledger_cannot_note_is_not_in_force(
    site: Site, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    policing = site.policing(ledger)
    before = policing.policy.version
    site.write(**{"DPA-1": "DPA-2"})
    monkeypatch.setattr(ledger, "append", full)
    assert not await policing.reload()
    assert policing.policy.version == before
    assert site.alarms == ["policy-not-loaded"]


async def test_a_campaign_of_which_whoever_calls_back_would_hear_nothing_is_not_loaded(
    site: Site, ledger: Ledger
) -> None:
    policing = site.policing(ledger)
    site.write(**{"[campaigns.spring": "[campaigns.summer"})
    site.build(("identification/summer/brussels", "question/summer"))
    assert not await policing.reload()
    assert policing.policy.campaigns.keys() == {"spring"}


async def test_what_a_policy_says_is_kept_word_for_word_and_the_ledger_holds_its_digest(
    site: Site, ledger: Ledger
) -> None:
    policing = site.policing(ledger)
    assert await policing.reload()
    [entry] = await ledger.read(kinds=[Kind.POLICY_LOADED])
    said = entry.event.payload
    kept = read(site.file.parent / FOLDER, str(said["policy"]), str(said["kept"]))
    assert kept is not None
    assert any("DPA-1" in part.text for part in kept.parts)
    assert said["prompts"] == policing.catalogue.version
    assert read(site.file.parent / FOLDER, str(said["policy"]), "another digest") is None


async def test_a_policy_that_cannot_be_kept_is_not_loaded(site: Site, ledger: Ledger) -> None:
    policing = site.policing(ledger)
    (site.file.parent / FOLDER).write_text("no folder")
    assert not await policing.reload()
    assert site.alarms == ["policy-not-loaded"]
    assert await noted(ledger) == []
