"""What no law says and the operator has not decided: where callgate's own default holds for the countries called."""

from collections.abc import Iterator

from callgate.core.law.wording import say
from callgate.core.policy import Policy


def open_questions(policy: Policy) -> Iterator[dict[str, str]]:
    """Of each such rule its country, name, what the default asks for, and what was looked for, in order."""
    called = {country for campaign in policy.campaigns.values() for country in campaign.countries}
    packs = {pack.country: pack for country in called if (pack := policy.law.get(country))}
    for country in sorted(packs):
        for rule in packs[country].undecided:
            yield {"country": country, "rule": rule.name, "asks": say(rule), "source": rule.source}
