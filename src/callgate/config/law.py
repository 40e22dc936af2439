"""The law in force here: the packs that come with callgate, with the operator's own rules in them."""

from collections.abc import Iterable, Iterator, Mapping

from callgate import rules
from callgate.core.law import Origin, Pack, Refusal, Topic, by_region, tighten
from callgate.core.law.terms import ContactCap
from callgate.rules.schema import Rules

Place = tuple[str | int, ...]


def book(law: Mapping[str, Rules]) -> dict[str, Pack]:
    """The packs by region. A country whose own rules are refused has none, and is not called for marketing."""
    packs = (_tightened(pack, law.get(country)) for country, pack in rules.packs().items())
    return by_region(pack for pack in packs if isinstance(pack, Pack))


def problems(law: Mapping[str, Rules]) -> Iterator[tuple[Place, str]]:
    """Where the operator's rules cannot be: (the place in the configuration, what would be right)."""
    packs = rules.packs()
    for country, tables in law.items():
        if country not in packs:
            yield ("law", country), f"there is no pack for {country}; there are {', '.join(sorted(packs))}"
            continue
        tightened = _tightened(packs[country], tables)
        if isinstance(tightened, str):
            yield ("law", country), tightened
        elif not isinstance(tightened, Pack):
            yield from (((("law", country, *_place(tables, refusal))), str(refusal)) for refusal in tightened)


def longest_cap(book: Mapping[str, Pack], countries: Iterable[str]) -> tuple[int, str]:
    """Over how many days attempts count at most, and in which of the countries that are called; (0, "") for none."""
    caps = (
        (rule.terms.days or 0, country)
        for country in countries
        if country in book
        for rule in book[country].of(Topic.CONTACT_CAP)
        if isinstance(rule.terms, ContactCap)
    )
    return max(caps, default=(0, ""))


def _tightened(pack: Pack, tables: Rules | None) -> Pack | tuple[Refusal, ...] | str:
    if tables is None:
        return pack
    try:
        own = tuple(rules.read_rules(tables, Origin.OPERATOR))
    except ValueError as error:
        return str(error)
    return tighten(pack, own)


def _place(tables: Rules, refusal: Refusal) -> Place:
    """The table of the rule that was refused; none where the fault is the country's as a whole."""
    for place, table in tables.tables():
        if table.rule(Origin.OPERATOR).key == (refusal.topic, refusal.name):
            return place
    return ()
