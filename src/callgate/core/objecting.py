"""What an objection says, by whichever door it came (GDPR Art. 21(2), (3)).

Every door makes its event here and hands it to `LocalOffice.suppress`, which commits it before anybody is thanked.
The door stands in the event, so that one that is abused can be looked through afterwards."""

import re
from datetime import datetime
from enum import StrEnum

from callgate.core.events import Event, Json, Kind
from callgate.core.gate import Scope

_ORIGIN = re.compile(r"[\w .,:;()/&'-]{1,60}")


class Door(StrEnum):
    """By which way an objection came."""

    CALL = "call"
    CALLED_BACK = "called-back"
    API = "api"
    CLI = "cli"
    FORM = "form"
    LETTER = "letter"
    IMPORT = "import"
    PARTNER = "partner"


def objection(
    number: str,
    at: datetime,
    door: Door,
    *,
    by: str,
    controller: str | None,
    campaign: str | None = None,
    call: str | None = None,
    reason: str = "",
    proof: str = "",
    origin: str = "",
    kind: Kind = Kind.OBJECTION,
) -> Event:
    """The event of an objection, or of its being taken back, for the person with this E.164 number.

    Without a controller it is to everybody's calls. `by` is who entered it and `reason` what they say of it; `origin`
    is from whom it was taken over (`origin_of`). `proof` is of the person's own wish, where it is taken back."""
    scope = Scope.ALL if controller is None else Scope.CAMPAIGN if campaign else Scope.CONTROLLER
    said: dict[str, Json] = {"scope": str(scope), "by": by, "source": str(door)}
    said |= {"campaign": campaign} if campaign else {}
    said |= {"origin": origin} if origin else {}
    personal: dict[str, Json] = {name: text for name, text in (("reason", reason), ("proof", proof)) if text}
    return Event(kind, at, call, number, controller, said, personal=personal)


def origin_of(text: str) -> str:
    """From whom objections are taken over, as `partner crm`. Raises ValueError: it stays for ever, so no number is in
    it."""
    if not _ORIGIN.fullmatch(text) or re.search(r"\d(?:\W*\d){5,}", text):
        raise ValueError("the source is up to 60 letters, digits and plain signs, and holds no telephone number")
    return text.strip()
