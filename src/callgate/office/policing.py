"""The policy in force, and how another comes into force while calls go on.

A policy that does not load leaves the old one in force, and so does one that the ledger cannot take note of: verdicts
name their policy by its version, and the ledger has to say since when that was the one.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from callgate import config
from callgate.config import BadConfig, Settings
from callgate.core.events import Event, Json, Kind
from callgate.core.policy import Policy
from callgate.evidence.policies import FOLDER, keep
from callgate.prompts.catalogue import Catalogue
from callgate.prompts.errors import PromptError
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger

log = structlog.stdlib.get_logger()


class Policing:
    """Holds the policy and the prompts that belong to it. `alarm` tells supervisors what could not be loaded."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        ledger: Ledger,
        clock: Callable[[], datetime],
        alarm: Callable[[str], None],
    ) -> None:
        self._load = load
        self._ledger = ledger
        self._clock = clock
        self._alarm = alarm
        self._settings = settings
        self._wanted = asyncio.Event()
        self.policy: Policy = config.to_policy(settings)
        self.catalogue = Catalogue.load(settings.prompts.folder)

    def want(self) -> None:
        """Ask for what the configuration says now: the handler of SIGHUP."""
        self._wanted.set()

    async def run(self) -> None:
        """Note the policy that is in force, then load another whenever that is asked for, until cancelled."""
        try:
            kept = _kept(self.policy, self._settings)
        except OSError as error:
            # It is in force all the same; what it says is then for the configuration's own history to show.
            log.warning("policy-not-kept", version=self.policy.version, error=str(error))
            kept = ""
        try:
            await self._note(self.policy, kept, self.catalogue)
        except LedgerUnavailable as error:
            log.warning("policy-not-noted", version=self.policy.version, error=str(error))
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.reload()

    async def reload(self) -> bool:
        """Put in force what the configuration says of calls and what prompts were built; False where it cannot be.

        What it says of addresses, files and keys takes a restart.
        """
        try:
            settings = await asyncio.to_thread(self._load)
            policy = config.to_policy(settings)
            catalogue = await asyncio.to_thread(Catalogue.load, settings.prompts.folder)
            _check_notices(policy, catalogue)
            await self._note(policy, await asyncio.to_thread(_kept, policy, settings), catalogue)
        except (BadConfig, PromptError, LedgerUnavailable, OSError) as error:
            log.error("policy-not-loaded", in_force=self.policy.version, error=str(error))
            self._alarm("policy-not-loaded")
            return False
        log.info("policy-loaded", version=policy.version, before=self.policy.version)
        self.policy, self.catalogue = policy, catalogue
        return True

    async def _note(self, policy: Policy, kept: str, catalogue: Catalogue) -> None:
        """Enter since when this is the policy; `kept` is the digest of what it says."""
        before = self.policy.version if policy is not self.policy else None
        said: dict[str, Json] = {
            "policy": policy.version,
            "before": before,
            "kept": kept,
            "prompts": catalogue.version,
        }
        await self._ledger.append([Event(Kind.POLICY_LOADED, self._clock(), payload=said)])


def _kept(policy: Policy, settings: Settings) -> str:
    """Keep what the policy says, word for word; its digest. Raises OSError."""
    return keep(settings.office.state / FOLDER, policy.version, settings)


def _check_notices(policy: Policy, catalogue: Catalogue) -> None:
    """A campaign whose notice was not built would drop everyone who answers, and everyone who calls back.

    Raises `NoSuchPrompt`.
    """
    for campaign in policy.campaigns.values():
        for controller, centre in policy.mandates:
            if controller == campaign.controller:
                for language in sorted(campaign.spoken):
                    catalogue.notice(campaign.id, centre, language)
                    catalogue.callback(campaign.id, language)
                catalogue.offers(campaign.id, campaign.manner.languages)
