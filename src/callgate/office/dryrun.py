"""What the gate would say to a call, with nothing dialled, reserved or written down."""

from collections.abc import Callable, Mapping
from datetime import datetime

from callgate.core import gate
from callgate.core.gate import CallRequest, Question, Unknown, Verdict
from callgate.core.law import Share
from callgate.core.policy import Policy
from callgate.core.reasons import Reason
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.errors import NotReady, StoreUnavailable

Shares = Callable[[str], Mapping[int | None, Share]]
"""A campaign's share of abandoned calls."""


def unknown(_: str) -> Mapping[int | None, Share]:
    """The shares, where nobody counted."""
    return {}


async def dry_run(
    policy: Policy, cache: SuppressionCache, request: CallRequest, now: datetime, shares: Shares = unknown
) -> Verdict:
    """The verdict on a call that is asked for `now`. What cannot be known is a block, as at the gate."""
    question = gate.ask(request, policy, now)
    return question if isinstance(question, Verdict) else await answer(question, cache, now, shares)


async def answer(question: Question, cache: SuppressionCache, now: datetime, shares: Shares = unknown) -> Verdict:
    """The verdict on a question that the policy alone does not answer."""
    query = Query(question.number.e164, question.campaign.controller, question.campaign.id, question.lists)
    try:
        found = await cache.lookup(query)
    except StoreUnavailable as error:
        return gate.answer(question, Unknown(Reason.STORE_UNAVAILABLE, str(error)), now)
    except NotReady as error:
        return gate.answer(question, Unknown(Reason.STORE_NOT_READY, str(error)), now)
    return gate.answer(question, found.facts._replace(abandoned=shares(question.campaign.id)), now)
