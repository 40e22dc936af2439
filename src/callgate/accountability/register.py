"""The register of processing (GDPR Art. 30), from the configuration: what each controller's part must say (30(1)), and
what that of each call centre must, which calls on behalf of others (30(2)).

It says what is configured, and nothing that is not: what the law asks for and callgate does not know is named as to be
filled in. Security measures are those that are in force by this configuration, not those that callgate could take.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from callgate.accountability.measures import measures
from callgate.config import Settings
from callgate.config.settings import CampaignTable, CentreTable, ControllerTable
from callgate.core import processing
from callgate.core.document import TO_FILL_IN, Document, Section
from callgate.core.law import Callee
from callgate.core.law.transfers import ground
from callgate.core.policy import Policy

_PEOPLE = {
    Callee.CONSUMER: "consumers",
    Callee.TRADER: "traders",
    Callee.COMPANY: "people in companies",
}

LAW, SAYS = "asked for by", "says"


def register(settings: Settings, policy: Policy, day: date, controller: str | None = None) -> Document:
    """The register as it stands on a day: of one controller, or of all. Raises KeyError for one that is not there."""
    chosen = [controller] if controller is not None else list(settings.controllers)
    sections = [section for name in chosen for section in _of_controller(settings, policy, name, day)]
    centres = [name for name in settings.centres if _controllers_of(policy, name) & set(chosen)]
    sections += [_of_centre(settings, policy, name, chosen, day) for name in centres]
    sections.append(_retention(settings))
    sections.append(Section("Security measures (Art. 32)", (), ("measure", "in force"), list(measures(settings))))
    text = (
        f"As configured on {day}, policy version {policy.version}. It covers calls that pass callgate, and "
        "nothing else that a company or a call centre does.",
        f"Where it reads “{TO_FILL_IN}”, the law asks for something that the configuration does not say.",
    )
    return Document("Register of processing activities (GDPR Art. 30)", text, sections)


# Art. 30(1).


def _of_controller(settings: Settings, policy: Policy, name: str, day: date) -> Iterator[Section]:
    table = settings.controllers[name]
    campaigns = {key: each for key, each in settings.campaigns.items() if each.controller == name}
    yield Section(f"{table.name}: controller (Art. 30(1))", (), (LAW, SAYS), list(_identity(table)))
    yield Section(
        f"{table.name}: purposes, people and data (Art. 30(1)(b), (c))",
        (),
        ("campaign", "purpose", "people", "data"),
        [(key, _purpose(each), _people(each), _data(each)) for key, each in sorted(campaigns.items())],
    )
    centres = sorted(centre for whose, centre in policy.mandates if whose == name)
    yield Section(
        f"{table.name}: recipients (Art. 30(1)(d))",
        (),
        ("recipient", "as", "basis"),
        [*(_recipient(settings, policy, name, centre, day) for centre in centres), *_carriers(settings)],
    )
    yield Section(
        f"{table.name}: transfers out of the EEA (Art. 30(1)(e))",
        () if _abroad(policy, centres) else ("None: every call centre with a mandate stands in the EEA.",),
        ("recipient", "country", "basis", "until"),
        [_transfer(settings, policy, centre, day) for centre in _abroad(policy, centres)],
    )


def _identity(table: ControllerTable) -> Iterator[tuple[str, str]]:
    yield "30(1)(a) controller", table.name
    yield "30(1)(a) contact details", table.contact or TO_FILL_IN
    yield "30(1)(a) joint controllers", TO_FILL_IN
    yield "30(1)(a) representative in the EU, where there must be one", table.representative or TO_FILL_IN
    yield "30(1)(a) data protection officer", table.officer or TO_FILL_IN


def _purpose(campaign: CampaignTable) -> str:
    said = "; ".join(f"{language}: {text}" for language, text in sorted(campaign.spoken_purpose.items()))
    sector = f", of {campaign.sector}" if campaign.sector else ""
    return f"{campaign.purpose}{sector} — as callees hear it: {said}"


def _people(campaign: CampaignTable) -> str:
    return f"{_PEOPLE[campaign.callee]} in {', '.join(sorted(campaign.languages))}"


def _data(campaign: CampaignTable) -> str:
    held = [
        "telephone number",
        "times and course of calls",
        "verdict on each call and its reasons",
        "objections, consents and their proof",
        f"outcome, one of: {', '.join(campaign.outcomes)}",
    ]
    if campaign.notes:
        held.append("notes of agents, screened for special categories (Art. 9), crimes (Art. 10) and insults")
    if campaign.record:
        held.append("recordings of those who consented")
    return "; ".join(held)


def _recipient(settings: Settings, policy: Policy, controller: str, centre: str, day: date) -> tuple[str, str, str]:
    mandate = policy.mandates[controller, centre]
    role = f"sub-processor of {settings.centres[mandate.under].name} (Art. 28(4))" if mandate.under else "processor"
    terms = list(processing.terms(policy, controller, policy.centres[centre], day))
    lapsed = next((term.saw for term in terms if not term.passed), None)
    basis = f"not in force, and no calls: {lapsed}" if lapsed else f"{mandate.reference}, until {mandate.expires}"
    return settings.centres[centre].name, role, basis


def _carriers(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for trunk in settings.pbx.trunks:
        yield f"the carrier behind {trunk}", "provider of telephone service: numbers called, sound", TO_FILL_IN


def _abroad(policy: Policy, centres: Sequence[str]) -> list[str]:
    return [centre for centre in centres if policy.centres[centre].country not in policy.transfers.eea]


def _transfer(settings: Settings, policy: Policy, centre: str, day: date) -> tuple[str, str, str, str]:
    table = settings.centres[centre]
    of = policy.centres[centre]
    found = ground(policy.transfers, of.country, day, of.clauses, of.certified)
    basis = f"{found.saw} ({found.source})" if found.passed else f"none, and no calls: {found.saw}"
    until = str(found.until) if found.passed and found.until != date.max else "–"
    return table.name, of.country, basis, until


# Art. 30(2).


def _controllers_of(policy: Policy, centre: str) -> set[str]:
    return {controller for controller, name in policy.mandates if name == centre}


def _of_centre(settings: Settings, policy: Policy, name: str, chosen: Sequence[str], day: date) -> Section:
    table = settings.centres[name]
    calls_for = [controller for controller in chosen if (controller, name) in policy.mandates]
    rows = [*_processor(table), *(_on_behalf(settings, policy, whose, name) for whose in calls_for)]
    if _abroad(policy, [name]):
        _, country, basis, until = _transfer(settings, policy, name, day)
        rows.append(("30(2)(c) transfers", f"to {country}: {basis}; until {until}"))
    else:
        rows.append(("30(2)(c) transfers", f"none: it stands in {table.country}"))
    return Section(f"{table.name}: processor (Art. 30(2))", (), (LAW, SAYS), rows)


def _processor(table: CentreTable) -> Iterator[tuple[str, str]]:
    yield "30(2)(a) processor", f"{table.name}, {table.country}"
    yield "30(2)(a) contact details", table.contact or TO_FILL_IN
    yield "30(2)(a) data protection officer", table.officer or TO_FILL_IN


def _on_behalf(settings: Settings, policy: Policy, controller: str, centre: str) -> tuple[str, str]:
    mandate = policy.mandates[controller, centre]
    through = f", as sub-processor of {settings.centres[mandate.under].name}" if mandate.under else ""
    says = f"calls on behalf of {settings.controllers[controller].name}{through}, under {mandate.reference}"
    return "30(2)(a), (b) on whose behalf, and what", says


# Both.


def _retention(settings: Settings) -> Section:
    days = settings.retention
    rows = [
        ("contacts: verdicts, calls, outcomes, notes", f"{days.contact_days} days"),
        ("that there were recordings, and what became of them", f"{days.recording_days} days"),
        ("recordings themselves", TO_FILL_IN),
        (
            "proof of consent and refusal in a call",
            f"{days.proof_days} days; longer where the law of the person's country asks",
        ),
        ("objections, and consents to be called", "until they are taken back; after an erasure as a keyed token only"),
        ("that events were, without what they said", "for good: the chain that proves the rest"),
    ]
    return Section("Terms for erasure (Art. 30(1)(f))", (), ("data", "kept"), rows)
