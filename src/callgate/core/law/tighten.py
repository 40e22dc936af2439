"""The operator's own rules over a country's pack: they add and tighten, and they fill what no law says.

A rule with a new name is added and binds beside the others. One with the name of a rule of the pack

- is refused where that rule is statutory and the operator's asks for less, with the rule and its source named;
- binds beside a statutory rule otherwise, so that the law's own figure stays in the trail;
- takes the place of one that is a code or callgate's default. That is the operator's decision, and says so.

Because rules only ever take away, what is added can make nothing lawful that was not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from callgate.core.law.loosens import loosens
from callgate.core.law.rule import Pack, Rule, Status, Topic, faults

_NOT_JUDGED = frozenset({Topic.RETENTION, Topic.RECORDING})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an operator's rule cannot be: its topic and name, the source of what it offends, and what would be right."""

    topic: Topic | None
    name: str
    source: str
    says: str

    def __str__(self) -> str:
        return f"{self.name}: {self.says}" if self.name else self.says


def tighten(pack: Pack, rules: tuple[Rule, ...]) -> Pack | tuple[Refusal, ...]:
    """The pack with the operator's rules in it, or every reason why it cannot be."""
    refused = [refusal for rule in rules for refusal in _refused(pack, rule)]
    replaced = {old for rule in rules for old in _replaced(pack, rule)}
    kept = tuple(rule for number, rule in enumerate(pack.rules) if number not in replaced)
    tightened = replace(pack, rules=(*kept, *(_recorded(pack, rule) for rule in rules)))
    refused += [
        Refusal(key[0] if key else None, key[1] if key else "", "", says)
        for key, says in faults(tightened.rules, pack.since)
    ]
    return tuple(refused) or tightened


def _namesakes(pack: Pack, rule: Rule) -> Iterator[Rule]:
    return (old for old in pack.rules if old.key == rule.key)


def _refused(pack: Pack, rule: Rule) -> Iterator[Refusal]:
    if rule.topic in _NOT_JUDGED:
        yield Refusal(rule.topic, rule.name, "", f"{rule.topic} is not decided here; it binds no call")
        return
    for old in pack.rules:
        if old.name == rule.name and old.topic is not rule.topic:
            yield Refusal(
                rule.topic, rule.name, old.source, f"{old.name} is a rule about {old.topic}; use another name"
            )
    for old in _namesakes(pack, rule):
        if old.status is Status.STATUTORY:
            if _overlap(old, rule):
                yield from (_loosening(old, rule, less) for less in loosens(rule, old))
        elif (rule.effective_from, rule.valid_to) != (date.min, date.max):
            says = f"takes the place of a rule of the pack ({old.source}) and so can have no dates"
            yield Refusal(rule.topic, rule.name, old.source, says)


def _loosening(old: Rule, rule: Rule, less: str) -> Refusal:
    says = f"{less}: the law asks for more ({old.source}); an operator can only ask for more than that"
    return Refusal(rule.topic, rule.name, old.source, says)


def _overlap(old: Rule, rule: Rule) -> bool:
    return old.effective_from <= rule.valid_to and rule.effective_from <= old.valid_to


def _replaced(pack: Pack, rule: Rule) -> Iterator[int]:
    """Where in the pack stand the rules whose place the operator's takes."""
    for number, old in enumerate(pack.rules):
        if old.key == rule.key and old.status is not Status.STATUTORY:
            yield number


def _recorded(pack: Pack, rule: Rule) -> Rule:
    """The operator's rule with the status of what it tightens or replaces: of its last version, if there is one."""
    versions = sorted(_namesakes(pack, rule), key=lambda old: old.effective_from)
    return replace(rule, status=versions[-1].status) if versions else rule
