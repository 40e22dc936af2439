"""Whose something is, and whether the one who asks may have to do with it.

A confined user is answered alike about what is somebody else's and what is not there.
"""

from callgate.core import phone, written
from callgate.core.access import Principal
from callgate.core.phone import Number
from callgate.core.policy import Policy
from callgate.web.problems import invalid, not_permitted
from callgate.web.routing import Ask

NOT_YOURS = "this company, campaign or centre is not there, or you are not to act for it"


def for_call(ask: Ask, campaign: str, centre: str) -> None:
    """Raises `Problem` where a call for this campaign by this centre is not theirs."""
    of = ask.services.policy().campaigns.get(campaign)
    if not ask.principal.sees(of.controller if of else None, centre):
        raise not_permitted(NOT_YOURS)


def for_controller(ask: Ask, controller: str) -> None:
    """Raises `Problem` where what a company knows of its people is not theirs to see."""
    if not ask.principal.sees(controller, None):
        raise not_permitted(NOT_YOURS)
    _known(ask, controller)


def acting_for(ask: Ask, controller: str) -> None:
    """Raises `Problem` where they do not call for this company: also a centre that has its mandate does."""
    if not acts_for(ask.principal, controller, ask.services.policy()):
        raise not_permitted(NOT_YOURS)
    _known(ask, controller)


def acts_for(principal: Principal, controller: str, policy: Policy) -> bool:
    """Whether they belong to the company, or to a centre that has its mandate."""
    if principal.controllers is not None and controller not in principal.controllers:
        return False
    return principal.centres is None or any((controller, centre) in policy.mandates for centre in principal.centres)


def _known(ask: Ask, controller: str) -> None:
    if controller not in ask.services.policy().controllers:
        raise invalid("/controller", "there is no such company in the configuration")


def number_of(ask: Ask, text: str) -> Number:
    """The person's number, as people write them. Raises `Problem`, which does not repeat it."""
    try:
        return written.read(text, ask.services.policy().home)
    except phone.NotANumber as error:
        raise invalid("/number", f"no telephone number: {error}") from None
