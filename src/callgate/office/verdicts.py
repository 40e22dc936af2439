"""A verdict as the ledger keeps it, as a node is told it, and as it is read back after a restart."""

from datetime import datetime

from callgate.boundary import Decision, OpenCall
from callgate.core import gate, phone
from callgate.core.consent import Manner
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import CallRequest, Question, Verdict
from callgate.core.policy import Policy
from callgate.core.reasons import Reason

_PARTING = frozenset({Kind.CONSENT, Kind.OBJECTION, Kind.ABANDONED, Kind.DROPPED})


def event(told: Decision, request: CallRequest, verdict: Verdict, at: datetime) -> Event:
    """What the ledger keeps beside what the node is told. The sources of rules that passed are the policy's."""
    payload: dict[str, Json] = {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "source": verdict.source,
        "retry_at": verdict.retry_at.isoformat() if verdict.retry_at else None,
        "trail": [{"rule": found.rule, "passed": found.passed, "saw": found.saw} for found in verdict.trail],
        "policy": verdict.policy,
        "lists": dict(verdict.lists),
        "pbx": request.pbx,
        "uniqueid": request.uniqueid,
        "agent": request.agent,
        "campaign": request.campaign,
        "purpose": verdict.campaign.purpose if verdict.campaign else None,
        "centre": request.centre,
        "caller_id": told.caller_id,
        "callee_language": told.callee_language,
        "agent_language": told.agent_language,
        "record": told.record,
    }
    # Whoever was erased and is dialled all the same must not be back in the ledger by that.
    number = verdict.number.e164 if verdict.number and verdict.reason is not Reason.ERASED else None
    return Event(Kind.VERDICT, at, told.call, number, told.controller or None, payload)


def decision(call: str, verdict: Verdict, *, committed: bool = True) -> Decision:
    """What a node is told of a verdict."""
    number, campaign, centre = verdict.number, verdict.campaign, verdict.centre
    return Decision(
        call=call,
        reason=verdict.reason,
        allowed=verdict.allowed,
        detail=verdict.detail,
        committed=committed,
        digits=number.digits if number and verdict.allowed else "",
        masked=number.masked if number else "",
        caller_id=campaign.caller_id if campaign else "",
        campaign=campaign.id if campaign else "",
        controller=campaign.controller if campaign else "",
        centre=centre.id if centre else "",
        callee_language=campaign.languages.get(number.country, "") if campaign and number else "",
        agent_language=centre.language if centre else "",
        record=campaign.record if campaign else False,
        manner=campaign.manner if campaign else Manner(),
    )


def asked_again(verdict: Event, policy: Policy) -> Question | None:
    """The question that a verdict in the ledger answered, by the policy of now; None where that would not ask it."""
    said = {key: str(value) for key, value in verdict.payload.items() if isinstance(value, str)}
    request = CallRequest(
        said.get("pbx", ""), said.get("uniqueid", ""), "", verdict.number or "",
        said.get("campaign", ""), said.get("centre", ""), said.get("agent", ""),
    )  # fmt: skip
    question = gate.ask(request, policy, verdict.at)
    return question if isinstance(question, Question) else None


def open_call(call: str, verdict: Event, kinds: set[Kind], question: Question | None) -> OpenCall:
    """A call as its verdict in the ledger tells of it; `kinds` are those of all its events."""
    said = {key: str(value) for key, value in verdict.payload.items() if isinstance(value, str)}
    decided = Decision(
        call=call,
        reason=Reason.CLEAR,
        allowed=True,
        detail="",
        digits=question.number.digits if question else "",
        masked=phone.mask(verdict.number or ""),
        caller_id=said.get("caller_id", ""),
        campaign=said.get("campaign", ""),
        controller=verdict.controller or "",
        centre=said.get("centre", ""),
        callee_language=said.get("callee_language", ""),
        agent_language=said.get("agent_language", ""),
        record=verdict.payload.get("record") is True,
        manner=question.campaign.manner if question else Manner(),
    )
    return OpenCall(
        decision=decided,
        uniqueid=said.get("uniqueid", ""),
        agent=said.get("agent", ""),
        connected=Kind.CONNECTED in kinds,
        consented=Kind.RECORDING_STARTED in kinds and Kind.CONSENT in kinds,
        withdrawn=Kind.WITHDRAWAL in kinds or Kind.RECORDING_DESTROYED in kinds,
        agreed=Kind.CONSENT in kinds,
        sealed=Kind.RECORDING_SEALED in kinds,
        paused=Kind.RECORDING_PAUSED in kinds,  # and perhaps resumed: the agent does that once more
        dialled=Kind.DIALLED in kinds,
        parting=bool(_PARTING & kinds),
    )
