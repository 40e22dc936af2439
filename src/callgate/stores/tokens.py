"""What the ledger keeps of an objection for the suppression cache, so that it outlives the person's number."""

from collections.abc import Iterable

from callgate.core.events import Event
from callgate.stores.encoding import Token, TokenKeys
from callgate.stores.objections import audience_of, named
from callgate.stores.schema import StoredToken


def stored_tokens(keys: TokenKeys, event: Event) -> tuple[StoredToken, ...]:
    """The tokens of a suppressing event under every key that is alive. Raises ValueError, as `audience_of`."""
    audience = audience_of(event)
    made = ((key.id, key.token(audience, named(event) or "")) for key in keys.keys)
    return tuple(StoredToken(name, token.spread, token.member) for name, token in made)


def alive(keys: TokenKeys, stored: Iterable[StoredToken]) -> list[Token]:
    """Those of the stored tokens that a lookup can meet: of a key that was taken out nothing is asked any more."""
    names = {key.id for key in keys.keys}
    return [Token(token.spread, token.member) for token in stored if token.key in names]
