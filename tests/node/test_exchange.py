"""What is done to Asterisk where the session for it is back a moment after the one that brings the events."""

from collections.abc import Mapping
from typing import cast

import pytest

from callgate.node import exchange
from callgate.pbx.ami import Link, Message
from callgate.pbx.ami.errors import NotConnected
from tests.node.fakes import Desk, FakeLink, message


class Late(FakeLink):
    """Its session is not there for the first `missing` actions."""

    def __init__(self, missing: int) -> None:
        super().__init__()
        self.missing = missing
        self.bridges = [message("BridgeListItem", bridgeuniqueid="b")]

    def _come(self) -> None:
        if self.missing:
            self.missing -= 1
            raise NotConnected("not yet")

    async def act(self, action: str, fields: Mapping[str, str]) -> Message:
        self._come()
        return await super().act(action, fields)

    async def collect(self, action: str, fields: Mapping[str, str]) -> list[Message]:
        self._come()
        return await super().collect(action, fields)


@pytest.mark.parametrize(("missing", "comes"), [(0, True), (2, True), (3, False)])
async def test_what_was_never_sent_is_sent_when_the_session_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, missing: int, comes: bool
) -> None:
    monkeypatch.setattr(exchange, "UNTIL_ACTIONS_S", (0, 0))
    desk.exchange.link = cast(Link, Late(missing))
    assert await desk.exchange.act("Hangup", {"Channel": "PJSIP/carrier-1"}) is comes
    desk.exchange.link = cast(Link, Late(missing))
    assert bool(await desk.exchange.ask("BridgeList", {})) is comes
    assert desk.alarms() == ([] if comes else ["ami-action-failed"])
