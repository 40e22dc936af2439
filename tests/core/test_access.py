"""Who sees what."""

import pytest

from callgate.core.access import Principal, Role


@pytest.mark.parametrize(
    ("controllers", "centres", "controller", "centre", "sees"),
    [
        (None, None, "acme", "lille", True),
        (None, None, None, None, True),
        ({"acme"}, None, "acme", "lille", True),
        ({"acme"}, None, "globex", "lille", False),
        ({"acme"}, None, None, "lille", False),
        (None, {"lille"}, "acme", "lille", True),
        (None, {"lille"}, "acme", "brussels", False),
        ({"acme"}, {"lille"}, "acme", "brussels", False),
        ({"acme"}, {"lille"}, "acme", "lille", True),
        (set(), None, "acme", "lille", False),
    ],
)
def test_nobody_sees_past_the_companies_and_centres_they_are_confined_to(
    controllers: set[str] | None, centres: set[str] | None, controller: str | None, centre: str | None, sees: bool
) -> None:
    who = Principal(
        "somebody",
        Role.SUPERVISOR,
        None if controllers is None else frozenset(controllers),
        None if centres is None else frozenset(centres),
    )
    assert who.sees(controller, centre) is sees
