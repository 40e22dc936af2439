"""What a lookup asks the script `LOOK_UP` of one person, and what its answer means.

All that is the same for everybody who is called in one campaign is put together once, by a `Prober`.
"""

from typing import NamedTuple

from callgate.core.gate import OBJECTION, PATTERN, Hit
from callgate.core.law import Consent, Contacts, Related
from callgate.core.patterns import prefixes
from callgate.stores.cache import consents, contacts, relations
from callgate.stores.cache.contacts import Attempt, ContactStore
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.lookup import Answers
from callgate.stores.encoding import Token, TokenKeys, bits_of
from callgate.stores.objections import audiences, marks


class Probe(NamedTuple):
    """The keys and arguments of `LOOK_UP`, and what stands where in its answer.

    `hits` is what each token means where it is held, `alive` under how many keys the person's consent may be (and then
    the moment of an objection, and then relations), `floor` how many attempts had been seen when the question was put
    together, and `call` the call that is to be made, or "".
    """

    keys: list[str]
    arguments: list[str | int]
    hits: list[Hit]
    alive: int
    floor: int
    call: str
    campaign: str

    def objections(self, answers: Answers) -> list[Hit]:
        """The objections that are on file, and the patterns that cover the number, each once."""
        held = [hit for hit, held in zip(self.hits, answers.tokens, strict=True) if held]
        return list(dict.fromkeys(held)) if held else held

    def consent(self, answers: Answers) -> Consent | None:
        """The consent that counts."""
        return consents.read(answers.consents[: self.alive], answers.consents[self.alive : 2 * self.alive])

    def related(self, answers: Answers) -> tuple[Related, ...]:
        """What connects the person with the controller."""
        return relations.read(answers.consents[2 * self.alive :])

    def contacts(self, answers: Answers) -> Contacts:
        """Calls before this one."""
        return contacts.read(answers.calls, self.call, self.campaign)

    def busy(self, answers: Answers) -> bool:
        """Whether another call to the person is under way."""
        return answers.busy is not None and answers.busy != self.call.encode()


class Prober:
    """Asks about people for one campaign of one controller, in one generation."""

    def __init__(self, keys: Keys, tokens: TokenKeys, generation: str, controller: str, campaign: str) -> None:
        self._keys = keys
        self._tokens = tokens
        self._generation = generation
        self._bits = bits_of(generation)
        self._campaign = campaign
        self._audiences = audiences(controller, campaign)
        means = [(audience, Hit(audience.scope, OBJECTION)) for audience in self._audiences]
        means += [(mark, Hit(mark.scope, mark.scope)) for mark in marks(controller)]
        self._hits = [hit for _, hit in means for _ in tokens.keys]
        self._makers = [key.maker(audience) for audience, _ in means for key in tokens.keys]
        self._named = [keys.epoch, keys.lists, keys.mark(generation), keys.contacts]
        self._patterns = keys.patterns(generation)

    def probe(self, number: str, attempt: Attempt | None, store: ContactStore, *, patterned: bool) -> Probe:
        """Put the question about an E.164 number together. `patterned`: there are patterns, one of which may cover it.

        Without an `attempt` it is asked for nothing but the answer.
        """
        of, alive = self._generation, len(self._tokens.keys)
        tokens = [maker.token(number) for maker in self._makers]
        buckets = [token.bucket(self._bits) for token in tokens]
        keys = [self._keys.bucket(of, bucket) for bucket in buckets]
        said: list[str | int] = [token.member for token in tokens]
        hits, everyones, controllers = self._hits, tokens[:alive], tokens[alive : 2 * alive]
        if patterned:
            beginnings = self._beginnings(number)
            hits = [*hits, *(hit for hit, _ in beginnings)]
            keys += [self._patterns] * len(beginnings)
            said += [token.member for _, token in beginnings]
        theirs = [self._keys.consents(of, bucket) for bucket in buckets[: 2 * alive]]
        keys += [*theirs[alive:], *theirs[:alive], *theirs[alive:]]
        fields: list[str | int] = [token.member for token in controllers]
        fields += [*map(consents.field_of_objection, everyones), *map(relations.field, controllers)]
        person = store.kept(controllers[0])
        named = [*self._named, person.calls, person.busy, self._patterns, *keys]
        arguments = [len(said), *said, *fields, *store.arguments(attempt, self._campaign)]
        return Probe(named, arguments, hits, alive, store.seen, attempt.call if attempt else "", self._campaign)

    def _beginnings(self, number: str) -> list[tuple[Hit, Token]]:
        """Every pattern that would cover the number, and what each means where it is there."""
        return [
            (Hit(audience.scope, PATTERN), token)
            for audience in self._audiences
            for prefix in prefixes(number)
            for token in self._tokens.all(audience, prefix)
        ]
