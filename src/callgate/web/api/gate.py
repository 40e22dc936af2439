"""The gate: what it would say (`check`), and calls of dialers that do not use Asterisk's dialplan."""

from datetime import datetime
from typing import Final, Literal

from callgate.core.access import Area, Role
from callgate.core.gate import CallRequest, Verdict
from callgate.core.reasons import SENTENCES, Reason
from callgate.office.dryrun import dry_run
from callgate.web.api.fields import In, MaybeLine, Moment, Name, Number, Out
from callgate.web.api.tenancy import for_call
from callgate.web.dialers import PBX, NoSuchCall, new_reference
from callgate.web.limits import Rate
from callgate.web.problems import not_found
from callgate.web.routing import Ask, Route, Tenant

DIALERS: Final = frozenset({Role.MACHINE})
CHECKERS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.OFFICER, Role.MACHINE})
_CALL: Final = {"number": "0033199001201", "campaign": "spring", "centre": "brussels", "agent": "alice"}


class Dialled(In):
    """A call that is wanted. `number` as it would be dialled on the site's PBX; `agent` in the dialer's own words."""

    number: Number
    campaign: Name
    centre: Name
    agent: MaybeLine = ""


class Checked(Dialled):
    """A call to be held against the gate; `at`: as if it were asked then."""

    at: Moment | None = None


class Rule(Out):
    """One rule that was looked at."""

    rule: str
    passed: bool
    saw: str
    source: str
    status: str


class Judged(Out):
    """What the gate says. `retry_at`: when it would pass if nothing but time changed; `lists`: their versions."""

    outcome: Literal["allow", "block"]
    reason: str
    sentence: str
    detail: str
    source: str
    number: str
    controller: str
    policy: str
    lists: dict[str, str]
    at: datetime
    retry_at: datetime | None
    trail: list[Rule]


class Start(Dialled):
    """A call that a dialer is about to make. `reference`: its own name for it."""

    reference: MaybeLine = ""


class Started(Out):
    """The verdict, which is in the ledger. Only with `allow` is there something to dial: `digits`, within 5 seconds,
    with the caller ID. `token` proves the allow to the guard of a PBX."""

    call: str
    outcome: Literal["allow", "block"]
    reason: str
    sentence: str
    detail: str
    digits: str
    caller_id: str
    callee_language: str
    record: bool
    token: str


class Answered(Out):
    """What to do when the callee answered: `go-on` with the notice, or `drop` with an apology."""

    outcome: Literal["go-on", "drop"]
    reason: str
    sentence: str


async def check(ask: Ask) -> Judged:
    said = ask.said(Checked)
    for_call(ask, said.campaign, said.centre)
    request = CallRequest("api", "", "", said.number, said.campaign, said.centre, said.agent)
    now = said.at or ask.services.clock()
    verdict = await dry_run(ask.services.policy(), ask.services.cache, request, now)
    controller = verdict.campaign.controller if verdict.campaign else None
    if ask.principal.role is Role.MACHINE:
        await ask.services.counted.enter("call-checked", ask.principal.name, controller or "")
        ask.entered = True
    elif verdict.number is not None:
        ask.number, ask.controller = verdict.number.e164, controller
    return _judged(verdict, now)


def _judged(verdict: Verdict, at: datetime) -> Judged:
    return Judged.model_validate(
        {
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "sentence": verdict.sentence,
            "detail": verdict.detail,
            "source": verdict.source,
            "number": verdict.number.masked if verdict.number else "",
            "controller": verdict.campaign.controller if verdict.campaign else "",
            "policy": verdict.policy,
            "lists": dict(verdict.lists),
            "at": at,
            "retry_at": verdict.retry_at,
            "trail": [
                Rule(rule=one.rule, passed=one.passed, saw=one.saw, source=one.source, status=one.status or "")
                for one in verdict.trail
            ],
        }
    )


async def start(ask: Ask) -> Started:
    said = ask.said(Start)
    for_call(ask, said.campaign, said.centre)
    reference = said.reference or new_reference()
    pbx = f"{PBX}{ask.principal.name}"
    request = CallRequest(pbx, reference, "", said.number, said.campaign, said.centre, said.agent)
    told, token = await ask.services.dialers.start(ask.principal, request)
    return Started(
        call=told.call,
        outcome="allow" if told.allowed else "block",
        reason=told.reason,
        sentence=SENTENCES[told.reason],
        detail=told.detail,
        digits=told.digits,
        caller_id=told.caller_id if told.allowed else "",
        callee_language=told.callee_language,
        record=told.record,
        token=token,
    )


async def connected(ask: Ask) -> Answered:
    try:
        reason = await ask.services.dialers.connected(ask.principal, ask.request.match_info["call"])
    except NoSuchCall:
        raise not_found() from None
    outcome = "go-on" if reason is Reason.CLEAR else "drop"
    return Answered.model_validate({"outcome": outcome, "reason": reason, "sentence": SENTENCES[reason]})


async def objection(ask: Ask) -> None:
    try:
        await ask.services.dialers.objected(ask.principal, ask.request.match_info["call"])
    except NoSuchCall:
        raise not_found() from None


async def end(ask: Ask) -> None:
    try:
        await ask.services.dialers.end(ask.principal, ask.request.match_info["call"])
    except NoSuchCall:
        raise not_found() from None


ROUTES: Final = (
    Route(
        method="POST", path="/api/v1/check", handler=check, summary="What the gate would say; nothing is done.",
        who=CHECKERS, area=Area.CHECK, tenant=Tenant.NAMED, body=Checked, answer=Judged, example=_CALL,
        rate=Rate(6000, 200), act="call-checked",
    ),
    Route(
        method="POST", path="/api/v1/calls", handler=start, summary="Ask the gate for a call that is about to be made.",
        who=DIALERS, area=Area.CALLS, tenant=Tenant.NAMED, body=Start, answer=Started, rate=Rate(12_000, 200),
        example=_CALL | {"reference": "lead-4711"}, idempotent=True, enters=True,
    ),
    Route(
        method="POST", path="/api/v1/calls/{call}/connected", handler=connected,
        summary="The callee answered: may they be spoken to?", who=DIALERS, area=Area.CALLS, tenant=Tenant.HIDDEN,
        answer=Answered, rate=Rate(12_000, 200), enters=True,
    ),
    Route(
        method="POST", path="/api/v1/calls/{call}/objection", handler=objection,
        summary="The callee objects to further calls; in force on return.", who=DIALERS, area=Area.CALLS,
        tenant=Tenant.HIDDEN, rate=Rate(12_000, 200), enters=True,
    ),
    Route(
        method="POST", path="/api/v1/calls/{call}/end", handler=end, summary="The call is over.", who=DIALERS,
        area=Area.CALLS, tenant=Tenant.HIDDEN, rate=Rate(12_000, 200), enters=True,
    ),
)  # fmt: skip
