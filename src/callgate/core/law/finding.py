"""What came of one rule."""

from datetime import datetime
from typing import NamedTuple

from callgate.core.law.rule import Origin, Status, Topic


class Finding(NamedTuple):
    """One line of the law's trail.

    `rule` and `topic` name the rule, `saw` says what it looked at, `source` is the article and `status` what stands
    behind it; `origin` is the operator where the operator set it. `retry_at` (UTC) is when a rule that failed would
    pass if nothing but time changed: of hours and days off, the moment at which all of them pass; None where time does
    not help or nobody knows.
    """

    rule: str
    topic: Topic
    passed: bool
    saw: str
    source: str
    status: Status
    origin: Origin = Origin.PACK
    retry_at: datetime | None = None
