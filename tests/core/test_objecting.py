"""Every objection says by which door it came, to whose calls it is, and nothing of the person where that stays for
ever."""

from datetime import UTC, datetime

import pytest

from callgate.core.events import Kind
from callgate.core.objecting import Door, objection, origin_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANNA = "+33199000042"


@pytest.mark.parametrize(
    ("controller", "campaign", "scope"),
    [(None, None, "all"), ("acme", None, "controller"), ("acme", "spring", "campaign")],
)
def test_whose_calls_it_is_to_follows_from_who_is_named(
    controller: str | None, campaign: str | None, scope: str
) -> None:
    event = objection(ANNA, NOW, Door.FORM, by="web", controller=controller, campaign=campaign)
    assert (event.kind, event.number, event.controller) == (Kind.OBJECTION, ANNA, controller)
    assert (event.payload["scope"], event.payload["source"], event.payload["by"]) == (scope, "form", "web")
    assert event.payload.get("campaign") == campaign


def test_what_somebody_writes_of_it_goes_with_the_person() -> None:
    event = objection(ANNA, NOW, Door.LETTER, by="officer", controller="acme", reason="letter of Anna", origin="crm")
    assert event.personal == {"reason": "letter of Anna"}
    assert "Anna" not in str(event.payload)
    assert event.payload["origin"] == "crm"


@pytest.mark.parametrize("text", ["partner crm", "Futura Internationale, 2019", "list of 24.11.2026"[:12]])
def test_a_source_is_a_short_name(text: str) -> None:
    assert origin_of(text) == text


@pytest.mark.parametrize("text", ["", "x" * 61, "a\nb", "tel +33 199 00 00 42", "0199000042", "<b>"])
def test_a_source_that_could_hold_a_number_or_breaks_a_page_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds no telephone number"):
        origin_of(text)
