"""What a controller tells the authority of a breach (GDPR Art. 33(3)), as far as the ledger knows it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from callgate.accountability.breach import Concerned, Survey
from callgate.core.deadlines import notify_by
from callgate.core.document import TO_FILL_IN, Document, Section
from callgate.core.events import DataClass, Json

_DATA = {
    DataClass.CONTACT: "telephone numbers; times, course and outcome of calls; notes",
    DataClass.RECORDING: "recordings",
    DataClass.PROOF: "objections and consents, with their proof",
}


def report(survey: Survey, aware: datetime, controllers: Mapping[str, str | None]) -> Document:
    """The report. `aware` is when the controller became aware of the breach; `controllers`: each one's officer for data
    protection, None where none is configured."""
    window = survey.window
    due = notify_by(aware)
    whose = f" by {window.user}" if window.user else ""
    text = (
        f"What was done{whose} from {_at(window.since)} to {_at(window.until)}, as the ledger has it. It knows what "
        "passed callgate; not what was done to the machine, the database or a backup without it. "
        f"{survey.forgotten:,} events of that time are past their term, and say no more who did them.",
        f"A controller that became aware on {_at(aware)} notifies the authority by {_at(due)}: 72 hours, over weekends "
        "and holidays (Art. 33(1)). A processor tells the controller without undue delay (Art. 33(2)).",
    )
    sections = [
        Section("Who did what", (), ("who", "what", "access to data", "times", "first", "last"), list(_acts(survey))),
        Section(
            "People concerned, by controller (Art. 33(3)(a))",
            (
                "Those whom an act concerned singly are counted once. Acts that concern many say how many; who is in "
                "several of them counts several times. “Held” is the most that whoever had the whole ledger and "
                "its keys could see.",
            ),
            ("controller", "singly", "in acts on many", "erased since", "at most", "held"),
            [_people(name, of) for name, of in sorted(survey.people.items())],
        ),
        Section("Categories of data", (), ("controller", "data", "acts"), list(_data(survey))),
        Section("What else the notification says (Art. 33(3))", (), ("asked for by", "says"), list(_rest(controllers))),
        Section(
            "Each access",
            (f"{survey.unlisted:,} more are not listed.",) if survey.unlisted else (),
            ("seq", "at", "what", "who", "call", "controller"),
            [(str(one.seq), _at(one.at), one.what, one.who, one.call, one.controller) for one in survey.accesses],
        ),
    ]
    return Document(
        "Personal data breach: what was accessed (GDPR Art. 33)", text, sections, _facts(survey, aware, due)
    )


def _at(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _acts(survey: Survey) -> Iterator[tuple[str, ...]]:
    for act, times in sorted(survey.acts.items()):
        yield act.who, act.what, "yes" if act.access else "", f"{times.count:,}", _at(times.first), _at(times.last)


def _people(name: str, of: Concerned) -> tuple[str, ...]:
    counts = len(of.named), of.among_many, of.erased, of.at_most, of.held
    return name or "of no controller", *(f"{count:,}" for count in counts)


def _data(survey: Survey) -> Iterator[tuple[str, ...]]:
    for controller, counted in sorted(survey.data.items()):
        for of, count in sorted(counted.items()):
            yield controller or "of no controller", _DATA[DataClass(of)], f"{count:,}"


def _rest(controllers: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    yield "33(3)(a) nature of the breach", TO_FILL_IN
    for name, officer in sorted(controllers.items()):
        yield f"33(3)(b) data protection officer of {name}", officer or TO_FILL_IN
    yield "33(3)(c) likely consequences", TO_FILL_IN
    yield "33(3)(d) measures taken or proposed", TO_FILL_IN
    yield "34(1) whether the people concerned are told", TO_FILL_IN


def _facts(survey: Survey, aware: datetime, due: datetime) -> dict[str, Json]:
    people: dict[str, Json] = {
        name: {
            "singly": len(of.named),
            "in_acts_on_many": of.among_many,
            "erased_since": of.erased,
            "at_most": of.at_most,
            "held": of.held,
        }
        for name, of in survey.people.items()
    }
    return {
        "since": survey.window.since.isoformat(),
        "until": survey.window.until.isoformat(),
        "user": survey.window.user,
        "aware": aware.isoformat(),
        "notify_by": due.isoformat(),
        "people": people,
        "unlisted": survey.unlisted,
        "forgotten": survey.forgotten,
    }
