"""Why somebody's act is refused that is well formed: because of how things stand, or of who they are.

An error that says so names a refusal and what it is about. Its message is the sentence below, which commands and the
API print; pages say it in their reader's language (`web/texts`, table `refusal`), with no more fields than it has.
"""

from collections.abc import Mapping
from enum import StrEnum
from string import Template
from typing import Final


class Refusal(StrEnum):
    """Each by its name for programs and texts."""

    NO_REQUEST = "no-request"
    NO_CONTROLLER = "no-controller"
    NO_LANGUAGE = "no-language"
    STILL_TO_COME = "still-to-come"
    IDENTIFIED_ALREADY = "identified-already"
    NOT_IDENTIFIED = "not-identified"
    EXTENDED_ALREADY = "extended-already"
    EXTENDED_TOO_LATE = "extended-too-late"
    BEGUN = "begun"
    NOT_ASKED = "not-asked"
    ANSWERED = "answered"
    NOT_YOURS = "not-yours"
    EMPTY = "empty"
    TOO_LONG = "too-long"
    NUMBER_DESTROYED = "number-destroyed"
    ANOTHER_RIGHT = "another-right"
    ERASED_WAITING = "erased-waiting"
    IS_RESTRICTED = "is-restricted"
    RESTRICTED_ALREADY = "restricted-already"
    RESTRICTS_NOTHING = "restricts-nothing"
    NOT_CLOSED = "not-closed"
    NEVER_CALLED_BACK = "never-called-back"
    NOT_CALLED = "not-called"
    CALLED_BACK_ALREADY = "called-back-already"
    USER_IS_THERE = "user-is-there"
    NO_USER = "no-user"
    USER_DISABLED = "user-disabled"
    NO_TOKEN = "no-token"  # noqa: S105 - a name
    PASSWORD_LENGTH = "password-length"  # noqa: S105 - a name
    BAD_NAME = "bad-name"
    NOT_CONFIGURED = "not-configured"


SENTENCES: Final[Mapping[Refusal, str]] = {
    Refusal.NO_REQUEST: "no request '$request'; `callgate rights list` shows those there are",
    Refusal.NO_CONTROLLER: "no controller '$controller'; known are $known",
    Refusal.NO_LANGUAGE: "'$language' is no language of letters; there are $known",
    Refusal.STILL_TO_COME: "it cannot have come on $day, which is still to come",
    Refusal.IDENTIFIED_ALREADY: "the person was identified already, by $by",
    Refusal.NOT_IDENTIFIED: "the person of $request was not identified yet; say how they were, with --identity (its"
    " time runs until $due)",
    Refusal.EXTENDED_ALREADY: "the time cannot be extended: it was already extended on $day; the law allows it once"
    " (GDPR Art. 12(3))",
    Refusal.EXTENDED_TOO_LATE: "the time cannot be extended: an extension is announced between $received and $due, not"
    " on $day (GDPR Art. 12(3))",
    Refusal.BEGUN: "what was asked for has been begun, and cannot be refused any more",
    Refusal.NOT_ASKED: "'$partner' was not asked to erase; asked were $asked",
    Refusal.ANSWERED: "the request $request is $stage; nothing is left to do",
    Refusal.NOT_YOURS: "$by may not handle requests to $controller; its data-protection officer may",
    Refusal.EMPTY: "the $what is empty; say it, for example: letter of 2026-11-20",
    Refusal.TOO_LONG: "the $what has $length characters; $most are kept",
    Refusal.NUMBER_DESTROYED: "the number of $request was destroyed at the end of its term",
    Refusal.ANOTHER_RIGHT: "$request asks for $right, and not for $wanted",
    Refusal.ERASED_WAITING: "what $controller held was erased; waiting for $partners",
    Refusal.IS_RESTRICTED: "this person had their data restricted, so that it is kept; lift the restriction first",
    Refusal.RESTRICTED_ALREADY: "$controller may only keep this person's data already",
    Refusal.RESTRICTS_NOTHING: "$request restricts nothing (any more)",
    Refusal.NOT_CLOSED: "$request ($right) is $stage$waits: a certificate is of a closed erasure",
    Refusal.NEVER_CALLED_BACK: "a line of the kind $kind is never called back; identify the person in another way",
    Refusal.NOT_CALLED: "this number was not called for this company in the last $days days",
    Refusal.CALLED_BACK_ALREADY: "this number was called back within the last day already; try tomorrow",
    Refusal.USER_IS_THERE: "there is a user '$name' already; choose another name",
    Refusal.NO_USER: "there is no user '$name'; `callgate users list` names those there are",
    Refusal.USER_DISABLED: "'$name' is disabled; `callgate users enable` lets them in again",
    Refusal.NO_TOKEN: "there is no token '$token'; `callgate users tokens NAME` names those there are",
    Refusal.PASSWORD_LENGTH: "a password has $least characters at least, and $most at most",
    Refusal.BAD_NAME: "a name is 1 to 40 small letters, digits and dashes, and no dash first",
    Refusal.NOT_CONFIGURED: "the configuration has no $names",
}
"""In English, with fields (`$request`)."""


class Refused(Exception):
    """Something was refused, and nothing done. `fields` are those of the sentence; none holds a person's number."""

    def __init__(self, refusal: Refusal, **fields: object) -> None:
        super().__init__(Template(SENTENCES[refusal]).substitute(fields))
        self.refusal = refusal
        self.fields = fields
