"""What the API takes and gives. Numbers of people go in, and only come out masked."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from callgate.core.consentfile import LONGEST_PROOF

_PLAIN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: PostgreSQL takes no NUL, and a line is a line."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_PLAIN)]
MaybeLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN)]
Proof = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_PROOF, pattern=_PLAIN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40, pattern=_PLAIN)]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 2, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))
]  # fmt: skip
"""ISO 8601 with a zone."""
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
"""Where a page begins: what `next` of the one before said. What it is made of may change."""
PageSize = Annotated[int, Field(ge=1, le=500)]


class In(BaseModel):
    """What is sent: a field that is not known is an error, since it was meant to say something."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What is answered."""


# Sessions.


class LogIn(In):
    """Who logs in."""

    name: Line
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class NewPassword(In):
    """One's own password."""

    old: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    new: Annotated[str, StringConstraints(min_length=12, max_length=256)]


class Me(Out):
    """Who is logged in. `csrf` goes into the header X-CSRF-Token of every change that a session makes."""

    name: str
    role: str
    controllers: list[str] | None
    centres: list[str] | None
    scopes: list[str] | None
    csrf: str


# The gate.


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
    """What the gate says. `retry_at`: when it would pass if nothing but time changed."""

    outcome: Literal["allow", "block"]
    reason: str
    sentence: str
    detail: str
    source: str
    number: str
    controller: str
    policy: str
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


# Suppressions and consents.


class Objection(In):
    """A person's objection to a company's calls; with the scope `all` to everyone's, which takes an officer."""

    number: Number
    controller: Name | None = None
    scope: Literal["controller", "all"] = "controller"
    reason: Line


class Removal(Objection):
    """An objection is taken back: at the person's own request, of which there is proof."""

    at_the_persons_request: Literal[True]


class Person(In):
    """A person, for one company."""

    number: Number
    controller: Name


class Entered(Out):
    """What is now in force."""

    event: str
    number: str
    scope: str
    controller: str | None
    at: datetime


class OnFile(Out):
    """One objection, or one that was taken back."""

    event: str
    at: datetime
    scope: str
    by: str
    reason: str


class Suppressed(Out):
    """What speaks against calls of a company to a person. `otherwise`: scopes in force through a pattern, or of a
    person whose data was erased."""

    number: str
    controller: str
    objects: bool
    events: list[OnFile]
    otherwise: list[str]


class Consent(In):
    """A person's consent to be called by a company: when it was given, and where the proof is."""

    number: Number
    controller: Name
    given: Moment
    proof: Proof
    expires: Moment | None = None
    appointment: Moment | None = None
    lift_objection: bool = False


class Withdrawal(Person):
    """A consent is taken back."""

    reason: Line


class ConsentOnFile(Out):
    """One consent, or one that was taken back."""

    event: str
    at: datetime
    given: str
    expires: str
    appointment: str
    by: str
    proof: str
    reason: str


class Consents(Out):
    """The consents of a person for a company."""

    number: str
    controller: str
    events: list[ConsentOnFile]


# What happened.


class CallsQuery(In):
    """Which calls. The oldest come first; a page may hold fewer than `limit` and still have a `next`."""

    campaign: Name | None = None
    agent: Line | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Cursor = "0"
    limit: PageSize = 100


class PersonsCalls(Person):
    """The calls to a person for a company."""

    cursor: Cursor = "0"
    limit: PageSize = 100


class Call(Out):
    """A call that was asked for, and the verdict."""

    call: str
    at: datetime
    outcome: str
    reason: str
    detail: str
    number: str
    controller: str | None
    campaign: str
    centre: str
    agent: str
    policy: str


class Calls(Out):
    """A page of calls. `next` is the cursor of the next page, null where there is none."""

    calls: list[Call]
    next: str | None


class Step(Out):
    """Something that happened in a call."""

    at: datetime
    event: str
    facts: dict[str, object]


class CallInFull(Call):
    """A call with its trail, and all that happened in it."""

    source: str
    trail: list[dict[str, object]]
    events: list[Step]


class RecordingsQuery(In):
    """Which recordings, by when they were sealed."""

    since: Moment | None = None
    until: Moment | None = None
    cursor: Cursor = "0"
    limit: PageSize = 100


class Recording(Out):
    """A sealed recording. `destroyed`: since when it is no more."""

    call: str
    sealed: datetime
    seconds: float
    sha256: str
    controller: str | None
    campaign: str
    centre: str
    destroyed: datetime | None


class Recordings(Out):
    """A page of recordings."""

    recordings: list[Recording]
    next: str | None


class EventsQuery(In):
    """`after`: the number of the last event that was seen; 0 for all that is kept. So does the header Last-Event-ID."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}$")] | None = None


# Policy, lists, health.


class Mandate(Out):
    """Which centre may call for which company, until when."""

    controller: str
    centre: str
    reference: str
    expires: str


class Lapse(Out):
    """What lapses within 30 days, or does not hold."""

    controller: str
    centre: str
    what: str
    until: str | None


class Policy(Out):
    """The policy in force, as far as it concerns the one who asks."""

    version: str
    controllers: dict[str, str]
    centres: dict[str, str]
    campaigns: dict[str, str]
    mandates: list[Mandate]
    lapsing: list[Lapse]


class Difference(Out):
    """One thing that another policy says: where, what is in force, and what would be."""

    where: str
    now: str | None
    then: str | None


class Proposed(Out):
    """What loading the configuration now would change. `problems`: why it could not be loaded; then nothing would."""

    version: str | None
    changes: list[Difference]
    problems: list[str]


class ListAge(Out):
    """A national list, its version in force and its age."""

    name: str
    country: str
    version: str
    as_of: datetime | None
    max_age_days: int
    age: str
    says: str


class Lists(Out):
    """The national lists that are configured."""

    lists: list[ListAge]


class Alive(Out):
    """The process answers."""

    status: Literal["alive"]


class Ready(Out):
    """Whether calls would be allowed, and if not what is missing; that is told on the machine itself only."""

    ready: bool
    missing: list[str]
