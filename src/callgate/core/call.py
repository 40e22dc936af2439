"""One call, from the allow to the sealed recording: states, what happens to it, and what callgate then does.

The whole behaviour is `TABLE`, written as data; `step` looks it up. The pilot turns AGI and AMI into events, calls
`step`, and performs the effects in order. The diagram in docs/architecture.md is drawn from the table.

Four properties hold by the shape of the table, and the tests walk it to show them:

- `CONSENTED` is entered only by a commit of consent, and nothing but entering it starts a recording (P2).
- A recording runs on only in `RECORDING`. The three states beside it hold one that is paused: by the agent, because
  somebody is on the line who has not consented, or by both; each reason has to go before it runs on.
- `CONNECT` is reached only behind the whole notice (P3); without consent, only where the campaign goes on without.
- An event that the table does not expect never raises and never moves a call towards the callee or a recording: before
  the conversation it drops the callee, in it it stops a recording, and it is noted as unexpected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a call stands."""

    ALLOWED = "allowed"
    RINGING = "ringing"
    CHECKING = "checking"
    IDENTIFYING = "identifying"
    ASKING = "asking"
    CONSENTING = "consenting"
    CONSENTED = "consented"
    DECLINED = "declined"
    RECORDING = "recording"
    PAUSED = "paused"  # by the agent, while card data is spoken
    ACCOMPANIED = "accompanied"  # somebody is on the line who has not consented
    PAUSED_ACCOMPANIED = "paused-accompanied"
    TALKING = "talking"
    OBJECTING = "objecting"
    LEAVING = "leaving"
    CLOSED = "closed"


class On(StrEnum):
    """What happens to a call."""

    DIALLED = "dialled"  # AMI: the trunk rings
    ANSWERED = "answered"  # AGI: the callee's channel asks
    CLEARED = "cleared"  # still not suppressed
    SUPPRESSED = "suppressed"  # suppressed meanwhile, or callgate cannot know
    IDENTIFIED = "identified"  # the first part was played to its end
    AGREED = "agreed"
    REFUSED = "refused"
    SILENT = "silent"
    UNASKED = "unasked"  # the campaign does not record
    SWITCHED = "switched"  # another language: the notice begins anew
    GOES_ON = "goes-on"  # without consent, as the campaign has it
    ENDS = "ends"
    OBJECTED = "objected"  # the callee's key, at any time
    HEARD = "heard"  # the agent's key: objected by voice
    WITHDREW = "withdrew"
    COMMITTED = "committed"  # the ledger holds what was asked of it
    UNCOMMITTED = "uncommitted"  # the ledger does not
    RECORDED = "recorded"  # MixMonitor runs
    UNRECORDED = "unrecorded"  # MixMonitor did not start
    PAUSED = "paused"  # the agent's key
    RESUMED = "resumed"  # the agent's other key
    JOINED = "joined"  # somebody who has not consented hears the callee, and is heard
    OVERHEARD = "overheard"  # somebody such came while nobody watched, and may have been recorded
    PARTED = "parted"  # nobody such is there any more
    UNPAUSED = "unpaused"  # Asterisk did not pause the recording
    FAILED = "failed"  # something could not be played or said
    AGENT_LEFT = "agent-left"
    ENDED = "ended"  # the callee's leg is gone


class Do(StrEnum):
    """What callgate does. Each is performed before the next."""

    NOTE_DIALLED = "note dialled"
    LOOK_UP = "look up once more"
    IDENTIFY = "play the identification"
    ASK = "ask for consent"
    COMMIT_CONSENT = "commit the consent"
    START_RECORDING = "start recording"
    CHOOSE = "go on or end, by campaign"
    CONNECT = "connect"
    DECLINE = "say that it ends without consent"
    COMMIT_OBJECTION = "commit the objection"
    THANK = "thank"
    ADMIT = "admit that it failed"
    APOLOGISE = "apologise"
    PAUSE_RECORDING = "pause the recording"
    RESUME_RECORDING = "resume the recording"
    SAY_UNRECORDED = "say that nothing is recorded"
    STOP_RECORDING = "stop recording"
    DESTROY_RECORDING = "destroy the recording"
    CONFIRM_WITHDRAWAL = "commit the withdrawal"
    COMMIT_HEARD = "commit the objection by voice"
    HANG_UP = "hang up the callee"
    NOTE_REFUSAL = "note that no consent was given"
    NOTE_ABANDONED = "count as abandoned"
    NOTE_DROPPED = "note that the callee was dropped"
    NOTE_UNEXPECTED = "note as unexpected"
    KEEP_RECORDING = "seal the recording"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Step:
    """The state that follows and what is done on the way, in order."""

    state: State
    effects: tuple[Do, ...] = ()


def _to(state: State, *effects: Do) -> Step:
    return Step(state, effects)


_DROP: Final = _to(State.LEAVING, Do.NOTE_DROPPED, Do.ADMIT, Do.HANG_UP)
_ABANDON: Final = _to(State.LEAVING, Do.NOTE_ABANDONED, Do.APOLOGISE, Do.HANG_UP)
_OBJECT: Final = _to(State.OBJECTING, Do.COMMIT_OBJECTION)
_UNRECORDED: Final = (On.PAUSED, On.RESUMED, On.JOINED, On.OVERHEARD, On.PARTED, On.UNPAUSED)
"""What changes nothing where nothing is recorded."""


def _passed_over(state: State) -> Mapping[On, Step]:
    """What the effects of an earlier state report when the call has meanwhile gone another way."""
    reports = (
        On.CLEARED, On.SUPPRESSED, On.IDENTIFIED, On.AGREED, On.REFUSED, On.SILENT, On.UNASKED,
        On.SWITCHED, On.GOES_ON, On.ENDS, On.COMMITTED, On.UNCOMMITTED, On.RECORDED, On.UNRECORDED, On.FAILED,
        *_UNRECORDED,
    )  # fmt: skip
    return dict.fromkeys(reports, _to(state))


def _recorded(state: State) -> Mapping[On, Step]:
    """What holds wherever there is a recording, paused or not."""
    return {
        On.WITHDREW: _to(State.TALKING, Do.STOP_RECORDING, Do.CONFIRM_WITHDRAWAL, Do.DESTROY_RECORDING),
        On.OBJECTED: _to(State.OBJECTING, Do.STOP_RECORDING, Do.COMMIT_OBJECTION),
        On.HEARD: _to(state, Do.COMMIT_HEARD),
        On.UNPAUSED: _to(State.TALKING, Do.STOP_RECORDING),
        On.FAILED: _to(State.LEAVING, Do.STOP_RECORDING, Do.NOTE_DROPPED, Do.HANG_UP),
        On.AGENT_LEFT: _to(state),
        On.ENDED: _to(State.CLOSED, Do.KEEP_RECORDING, Do.CLOSE),
    }


TABLE: Final[Mapping[State, Mapping[On, Step]]] = {
    State.ALLOWED: {
        On.DIALLED: _to(State.RINGING, Do.NOTE_DIALLED),
        On.AGENT_LEFT: _to(State.ALLOWED),
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.RINGING: {
        On.DIALLED: _to(State.RINGING, Do.NOTE_DIALLED),  # the next trunk after one that failed
        On.ANSWERED: _to(State.CHECKING, Do.LOOK_UP),
        On.AGENT_LEFT: _to(State.RINGING),
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.CHECKING: {
        On.CLEARED: _to(State.IDENTIFYING, Do.IDENTIFY),
        On.SUPPRESSED: _to(State.LEAVING, Do.NOTE_DROPPED, Do.APOLOGISE, Do.HANG_UP),
        On.AGENT_LEFT: _ABANDON,
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.IDENTIFYING: {
        On.IDENTIFIED: _to(State.ASKING, Do.ASK),
        On.SWITCHED: _to(State.IDENTIFYING, Do.IDENTIFY),
        On.OBJECTED: _OBJECT,
        On.FAILED: _DROP,
        On.AGENT_LEFT: _ABANDON,
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.ASKING: {
        On.AGREED: _to(State.CONSENTING, Do.COMMIT_CONSENT),
        On.REFUSED: _to(State.DECLINED, Do.NOTE_REFUSAL, Do.CHOOSE),
        On.SILENT: _to(State.DECLINED, Do.NOTE_REFUSAL, Do.CHOOSE),
        On.SWITCHED: _to(State.IDENTIFYING, Do.IDENTIFY),
        On.UNASKED: _to(State.TALKING, Do.CONNECT),
        On.OBJECTED: _OBJECT,
        On.FAILED: _DROP,
        On.AGENT_LEFT: _ABANDON,
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.CONSENTING: {
        On.COMMITTED: _to(State.CONSENTED, Do.START_RECORDING),
        On.UNCOMMITTED: _to(State.DECLINED, Do.CHOOSE),
        On.AGENT_LEFT: _ABANDON,
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.CONSENTED: {
        On.RECORDED: _to(State.RECORDING, Do.CONNECT),
        On.UNRECORDED: _to(State.DECLINED, Do.CHOOSE),
        On.AGENT_LEFT: _to(State.LEAVING, Do.NOTE_ABANDONED, Do.STOP_RECORDING, Do.APOLOGISE, Do.HANG_UP),
        On.ENDED: _to(State.CLOSED, Do.KEEP_RECORDING, Do.CLOSE),
    },
    State.DECLINED: {
        On.GOES_ON: _to(State.TALKING, Do.CONNECT),
        On.ENDS: _to(State.LEAVING, Do.DECLINE, Do.HANG_UP),
        On.AGENT_LEFT: _ABANDON,
        On.ENDED: _to(State.CLOSED, Do.CLOSE),
    },
    State.RECORDING: {
        **_recorded(State.RECORDING),
        On.PAUSED: _to(State.PAUSED, Do.PAUSE_RECORDING),
        On.RESUMED: _to(State.RECORDING, Do.RESUME_RECORDING),  # what Asterisk did not do the first time
        On.JOINED: _to(State.ACCOMPANIED, Do.PAUSE_RECORDING),
        On.OVERHEARD: _to(State.TALKING, Do.STOP_RECORDING, Do.DESTROY_RECORDING),
        On.PARTED: _to(State.RECORDING),
    },
    State.PAUSED: {
        **_recorded(State.PAUSED),
        On.PAUSED: _to(State.PAUSED, Do.PAUSE_RECORDING),
        On.RESUMED: _to(State.RECORDING, Do.RESUME_RECORDING),
        On.JOINED: _to(State.PAUSED_ACCOMPANIED, Do.PAUSE_RECORDING),
        On.OVERHEARD: _to(State.PAUSED_ACCOMPANIED, Do.PAUSE_RECORDING),
        On.PARTED: _to(State.PAUSED),
    },
    State.ACCOMPANIED: {
        **_recorded(State.ACCOMPANIED),
        On.PAUSED: _to(State.PAUSED_ACCOMPANIED, Do.PAUSE_RECORDING),
        On.RESUMED: _to(State.ACCOMPANIED),
        On.JOINED: _to(State.ACCOMPANIED, Do.PAUSE_RECORDING),
        On.OVERHEARD: _to(State.ACCOMPANIED, Do.PAUSE_RECORDING),
        On.PARTED: _to(State.RECORDING, Do.RESUME_RECORDING),
    },
    State.PAUSED_ACCOMPANIED: {
        **_recorded(State.PAUSED_ACCOMPANIED),
        On.PAUSED: _to(State.PAUSED_ACCOMPANIED, Do.PAUSE_RECORDING),
        On.RESUMED: _to(State.ACCOMPANIED),
        On.JOINED: _to(State.PAUSED_ACCOMPANIED, Do.PAUSE_RECORDING),
        On.OVERHEARD: _to(State.PAUSED_ACCOMPANIED, Do.PAUSE_RECORDING),
        On.PARTED: _to(State.PAUSED),
    },
    State.TALKING: {
        On.WITHDREW: _to(State.TALKING, Do.CONFIRM_WITHDRAWAL),
        On.OBJECTED: _OBJECT,
        On.HEARD: _to(State.TALKING, Do.COMMIT_HEARD),
        **dict.fromkeys(_UNRECORDED, _to(State.TALKING)),
        On.PAUSED: _to(State.TALKING, Do.SAY_UNRECORDED),
        On.FAILED: _to(State.LEAVING, Do.NOTE_DROPPED, Do.HANG_UP),
        On.AGENT_LEFT: _to(State.TALKING),
        On.ENDED: _to(State.CLOSED, Do.KEEP_RECORDING, Do.CLOSE),  # what was recorded before it was stopped
    },
    State.OBJECTING: {
        **dict.fromkeys(_UNRECORDED, _to(State.OBJECTING)),
        On.COMMITTED: _to(State.LEAVING, Do.THANK, Do.HANG_UP),
        On.UNCOMMITTED: _to(State.LEAVING, Do.ADMIT, Do.HANG_UP),
        On.FAILED: _to(State.LEAVING, Do.ADMIT, Do.HANG_UP),
        On.OBJECTED: _to(State.OBJECTING),
        On.HEARD: _to(State.OBJECTING),
        On.WITHDREW: _to(State.OBJECTING, Do.CONFIRM_WITHDRAWAL, Do.DESTROY_RECORDING),
        On.AGENT_LEFT: _to(State.OBJECTING),
        On.ENDED: _to(State.CLOSED, Do.KEEP_RECORDING, Do.CLOSE),
    },
    State.LEAVING: {
        **_passed_over(State.LEAVING),
        On.OBJECTED: _to(State.LEAVING, Do.COMMIT_OBJECTION),
        On.HEARD: _to(State.LEAVING, Do.COMMIT_HEARD),
        On.WITHDREW: _to(State.LEAVING, Do.CONFIRM_WITHDRAWAL, Do.DESTROY_RECORDING),
        On.AGENT_LEFT: _to(State.LEAVING),
        On.ENDED: _to(State.CLOSED, Do.KEEP_RECORDING, Do.CLOSE),
    },
    State.CLOSED: {
        **_passed_over(State.CLOSED),
        On.OBJECTED: _to(State.CLOSED, Do.COMMIT_OBJECTION),
        On.HEARD: _to(State.CLOSED, Do.COMMIT_HEARD),  # *9 dialled after the call
        On.WITHDREW: _to(State.CLOSED, Do.CONFIRM_WITHDRAWAL, Do.DESTROY_RECORDING),
        On.AGENT_LEFT: _to(State.CLOSED),
        On.ENDED: _to(State.CLOSED),
    },
}

BEFORE_TALK: Final = frozenset(
    {
        State.ALLOWED, State.RINGING, State.CHECKING, State.IDENTIFYING, State.ASKING, State.CONSENTING,
        State.CONSENTED, State.DECLINED,
    }
)  # fmt: skip
"""The states in which nobody talks to the callee yet."""


WITH_RECORDING: Final = frozenset({State.RECORDING, State.PAUSED, State.ACCOMPANIED, State.PAUSED_ACCOMPANIED})
"""The states of a conversation in which a MixMonitor of callgate's is on the callee's channel."""


def step(state: State, on: On) -> Step:
    """The step of a call in `state` to which `on` happens. Total: what the table does not expect goes the safe way."""
    expected = TABLE[state].get(on)
    return expected if expected is not None else _safe(state)


def _safe(state: State) -> Step:
    if state in BEFORE_TALK:
        stop = (Do.STOP_RECORDING,) if state is State.CONSENTED else ()
        return _to(State.LEAVING, Do.NOTE_UNEXPECTED, *stop, Do.NOTE_DROPPED, Do.HANG_UP)
    if state in WITH_RECORDING:
        return _to(State.TALKING, Do.NOTE_UNEXPECTED, Do.STOP_RECORDING)
    return _to(state, Do.NOTE_UNEXPECTED)


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.ALLOWED}"]
    for state, row in TABLE.items():
        for on, taken in row.items():
            if taken.state is state and not taken.effects:
                continue
            did = f": {on}" + (f" / {', '.join(taken.effects)}" if taken.effects else "")
            lines.append(f"    {state} --> {taken.state}{did}")
    lines.append(f"    {State.CLOSED} --> [*]")
    return "\n".join(lines)
