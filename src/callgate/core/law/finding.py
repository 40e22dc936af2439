"""What came of one rule, of law or of callgate's own order."""

from datetime import datetime
from typing import NamedTuple

from callgate.core.law.rule import Origin, Status, Topic


class Finding(NamedTuple):
    """One line of a verdict's trail: the rule, whether it let the call pass, and what it looked at.

    A rule of law has a `topic`; its `source` is the article and its `status` what stands behind it; `origin` is the
    operator where the operator set it. `retry_at` (UTC) is when a rule that failed would pass if nothing but time
    changed: of hours and days off, the moment at which all of them pass; None where time does not help or nobody knows.
    """

    rule: str
    passed: bool
    saw: str
    source: str = ""
    status: Status | None = None
    topic: Topic = Topic.GATE
    origin: Origin = Origin.PACK
    retry_at: datetime | None = None
