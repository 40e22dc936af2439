"""Consents to be called, as the cache holds them: of each person the last, per controller.

They come from the ledger with the objections and in one order with them. An objection to a controller's calls takes the
consent that came before it away; one to everyone's calls leaves the moment that it came, and a consent counts only if
it was given after that. So where an objection is lifted, no consent from before it comes back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callgate.core.events import Event, Json, Kind
from callgate.core.gate import Scope
from callgate.core.law import Consent
from callgate.core.purpose import Purpose
from callgate.stores.cache.keys import Keys
from callgate.stores.encoding import Token, TokenKeys, bits_of
from callgate.stores.objections import Audience, audience_of
from callgate.stores.schema import Entry
from callgate.stores.tokens import alive

Change = tuple[str, str, int | str, str]
"""A command of Redis, its key, its member, and its value or ""."""


def payload(consent: Consent) -> dict[str, Json]:
    """What an event says of a consent; its proof is personal and stands apart."""
    return {
        "purpose": Purpose.MARKETING.value,
        "given": consent.given.astimezone(UTC).isoformat(),
        "expires": consent.expires.astimezone(UTC).isoformat() if consent.expires else None,
        "appointment": consent.appointment.astimezone(UTC).isoformat() if consent.appointment else None,
    }


def consent_of(event: Event) -> Consent:
    """Read an event of kind `prior-consent`. Raises ValueError where it does not say when the consent was given."""
    given = _moment(event, "given")
    if given is None:
        raise ValueError(f"an event of kind {event.kind} says when the consent was given")
    return Consent(given, _moment(event, "expires"), _moment(event, "appointment"))


def _moment(event: Event, key: str) -> datetime | None:
    written = event.payload.get(key)
    if not written:
        return None
    moment = datetime.fromisoformat(str(written))
    if moment.tzinfo is None:
        raise ValueError(f"an event of kind {event.kind} has a time {key!r} without a zone")
    return moment


def check(event: Event) -> None:
    """Raises ValueError for a consent, or its withdrawal, that nobody could act on later."""
    if audience_of(event).scope is not Scope.CONTROLLER:
        raise ValueError(f"an event of kind {event.kind} is about the calls of one controller")
    if event.kind is Kind.PRIOR_CONSENT:
        consent_of(event)


@dataclass(frozen=True, slots=True)
class Consents:
    """Where consents are, under one set of token keys."""

    keys: Keys
    tokens: TokenKeys

    def changes(self, entry: Entry, generation: str) -> Iterator[Change]:
        """The commands to which an entry comes, besides those about its objection."""
        kind, event = entry.event.kind, entry.event
        if kind is Kind.OBJECTION:
            yield from self._objected(entry, generation)
        elif kind is Kind.PRIOR_CONSENT_WITHDRAWN:
            yield from self._away(self._tokens(entry), generation)
        elif kind is Kind.PRIOR_CONSENT and event.number is not None:
            # Of a person who was erased no consent is left; what stands under an older key must not outlive this one.
            newest, *older = self.tokens.all(audience_of(event), event.number)
            yield from self._away(older, generation)
            yield "HSET", self._key(newest, generation), newest.member, _written(consent_of(event))

    def _objected(self, entry: Entry, generation: str) -> Iterator[Change]:
        event, tokens = entry.event, self._tokens(entry)
        if entry.event.payload.get("scope") == Scope.ALL:
            at = str(event.at.timestamp())
            yield from (("HSET", self._key(token, generation), field_of_objection(token), at) for token in tokens)
            return
        if event.number is not None:
            tokens = list(self.tokens.all(Audience(Scope.CONTROLLER, event.controller or ""), event.number))
        yield from self._away(tokens, generation)

    def _tokens(self, entry: Entry) -> list[Token]:
        """Every token of the person; those that were stored with the event where the person was erased."""
        if entry.event.number is None:
            return alive(self.tokens, entry.tokens)
        return list(self.tokens.all(audience_of(entry.event), entry.event.number))

    def _away(self, tokens: Iterable[Token], generation: str) -> Iterator[Change]:
        return (("HDEL", self._key(token, generation), token.member, "") for token in tokens)

    def _key(self, token: Token, generation: str) -> str:
        return self.keys.consents(generation, token.bucket(bits_of(generation)))


def read(consents: Sequence[bytes | None], objections: Sequence[bytes | None]) -> Consent | None:
    """The consent that counts, of what was found where each may be."""
    if not any(consents):
        return None
    found = max((_read(written) for written in consents if written), key=lambda consent: consent.given, default=None)
    objected = max((float(written) for written in objections if written), default=None)
    if found is None or (objected is not None and found.given.timestamp() <= objected):
        return None
    return found


def field_of_objection(token: Token) -> str:
    """Field of the moment at which the person who has this token for everyone objected."""
    return f"o{token.member}"


def _written(consent: Consent) -> str:
    moments = (consent.given, consent.expires, consent.appointment)
    return " ".join(str(moment.timestamp()) if moment else "-" for moment in moments)


def _read(written: bytes) -> Consent:
    given, expires, appointment = (
        None if moment == b"-" else datetime.fromtimestamp(float(moment), UTC) for moment in written.split()
    )
    if given is None:
        raise ValueError("a consent in Redis does not say when it was given")
    return Consent(given, expires, appointment)
