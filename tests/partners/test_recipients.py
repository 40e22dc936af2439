"""Who is named to a person as having received their data, and who is asked to erase it."""

from callgate.core.partners import Partner, Way, What
from callgate.partnering import Erasing
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox
from tests.partners.partner import CRM, Moved
from tests.stores.conftest import ANNA


async def test_whoever_is_told_of_people_received_their_data_and_whoever_keeps_anchors_did_not(ledger: Ledger) -> None:
    of = frozenset({"futura"})
    dialer = Partner("dialer", of, frozenset({What.OBJECTION}), Way.FEED)
    board = Partner("board", of, frozenset({What.ANCHOR}), Way.FEED)
    others = Partner("others", frozenset({"other"}), frozenset(What), Way.FEED)
    partners = Erasing(Outbox(ledger, [CRM, dialer, board, others], Moved()), ledger)
    assert list(await partners.recipients("futura")) == ["crm", "dialer"]
    assert list(await partners.that_received(ANNA, "futura")) == ["crm"]
