"""What no law says and the operator has not decided: where callgate's own default holds for the countries called.

And what the law says of how long something is kept, where the operator decided otherwise: whether it binds here depends
on what the data is kept for, which callgate does not know.
"""

from collections.abc import Iterator

from callgate.config import Settings
from callgate.core.events import DataClass
from callgate.core.law.wording import say
from callgate.core.policy import Policy
from callgate.core.retention import unlike


def open_questions(policy: Policy) -> Iterator[dict[str, str]]:
    """Of each such rule its country, name, what the default asks for, and what was looked for, in order."""
    called = {country for campaign in policy.campaigns.values() for country in campaign.countries}
    packs = {pack.country: pack for country in called if (pack := policy.law.get(country))}
    for country in sorted(packs):
        for rule in packs[country].undecided:
            yield {"country": country, "rule": rule.name, "asks": say(rule), "source": rule.source}


def unlike_terms(settings: Settings, policy: Policy) -> Iterator[dict[str, str | int]]:
    """Of each such rule its country, name, what it asks for, its source, and the operator's days."""
    called = sorted({country for campaign in policy.campaigns.values() for country in campaign.countries})
    kept = {
        DataClass.CONTACT: settings.retention.contact_days,
        DataClass.RECORDING: settings.retention.recording_days,
    }
    for country, rule, days in unlike(policy.law, kept, called):
        yield {"country": country, "rule": rule.name, "asks": say(rule), "source": rule.source, "days": days}
