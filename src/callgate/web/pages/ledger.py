"""The ledger: how far it goes, what is signed, and its verification, which anybody who keeps it may ask for.

A verification reads everything, and so it runs by itself; the page says how far it is and what it found. One at a time.
"""

from typing import Final

import sqlalchemy as sa
from aiohttp import web

from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.checkpoints import checkpoint_of
from callgate.stores.schema import checkpoints
from callgate.web.pages.site import KEEPERS, Nothing, Visit, act, go, page
from callgate.web.routing import Tenant

SIGNED_SHOWN: Final = 10


async def show(visit: Visit) -> web.StreamResponse:
    """How far the ledger goes, and the latest checkpoints."""
    ledger = visit.services.ledger
    rows = await ledger.rows(sa.select(checkpoints).order_by(checkpoints.c.number.desc()).limit(SIGNED_SHOWN))
    last = visit.services.verifying.last
    failed = ""
    if last is not None and last.task is not None and last.task.done() and last.report is None:
        error = last.task.exception()
        failed = str(error) if isinstance(error, LedgerUnavailable) else type(error).__name__
    return visit.show(
        "ledger.html", at="ledger", events=await ledger.last_seq(), mark=await ledger.mark(), writer=ledger.writer,
        signed=[checkpoint_of(row) for row in rows], last=last, failed=failed,
    )  # fmt: skip


async def verify(visit: Visit) -> web.StreamResponse:
    """Begin a verification."""
    visit.services.verifying.begin(visit.services.ledger, visit.principal.name, visit.services.clock())
    await visit.ask.enter()
    raise go("/ledger")


ROUTES: Final = (
    page("/ledger", show, KEEPERS, "The ledger.", tenant=Tenant.NOBODYS),
    act(
        "/ledger/verify", verify, KEEPERS, "Verify the ledger.", Nothing, tenant=Tenant.NOBODYS, act="ledger-verified"
    ),
)  # fmt: skip
