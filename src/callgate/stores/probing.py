"""What a lookup asks the script `LOOK_UP` of one person, and what its answer means."""

from dataclasses import dataclass

from callgate.core.gate import OBJECTION, PATTERN, Hit
from callgate.core.law import Consent, Contacts
from callgate.core.patterns import prefixes
from callgate.stores import consents, contacts
from callgate.stores.consents import Consents
from callgate.stores.contacts import Attempt, ContactStore
from callgate.stores.encoding import Token, TokenKeys, bits_of
from callgate.stores.keys import Keys
from callgate.stores.lookup import Answers
from callgate.stores.objections import audiences, marks


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a lookup is about, and for whose calls."""

    number: str
    controller: str
    campaign: str
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """The keys and arguments of `LOOK_UP`, and what stands where in its answer.

    `hits` is what each token means where it is held, `own` of how many consents the answer tells before it tells of
    objections, and `floor` how many attempts had been seen when the question was put together.
    """

    keys: list[str]
    arguments: list[str | int]
    hits: list[Hit]
    own: int
    floor: int
    of: Person

    def objections(self, answers: Answers) -> list[Hit]:
        """The objections that are on file, and the patterns that cover the number, each once."""
        return list(dict.fromkeys(hit for hit, held in zip(self.hits, answers.tokens, strict=True) if held))

    def consent(self, answers: Answers) -> Consent | None:
        """The consent that counts."""
        return consents.read(answers.consents[: self.own], answers.consents[self.own :])

    def contacts(self, answers: Answers) -> Contacts:
        """Calls before this one."""
        return contacts.read(answers.calls, self._call, self.of.campaign)

    def busy(self, answers: Answers) -> bool:
        """Whether another call to the person is under way."""
        return answers.busy not in (None, self._call.encode())

    @property
    def _call(self) -> str:
        return self.of.attempt.call if self.of.attempt else ""


def probe(keys: Keys, tokens: TokenKeys, store: ContactStore, generation: str, of: Person, *, patterned: bool) -> Probe:
    """Put the question together. `patterned`: there are patterns, one of which may cover the number."""
    bits, consents_of = bits_of(generation), Consents(keys, tokens)
    everyones, controllers, campaigns = (
        (audience.scope, list(tokens.all(audience, of.number))) for audience in audiences(of.controller, of.campaign)
    )
    held = [
        (Hit(scope, OBJECTION), keys.bucket(generation, token.bucket(bits)), token)
        for scope, all_of in (everyones, controllers, campaigns)
        for token in all_of
    ]
    held += [
        (Hit(mark.scope, mark.scope), keys.bucket(generation, token.bucket(bits)), token)
        for mark in marks(of.controller)
        for token in tokens.all(mark, of.number)
    ]
    if patterned:
        held += _beginnings(keys, tokens, generation, of)
    fields = [consents_of.place(token, generation) for token in controllers[1]]
    fields += [consents_of.place_of_objection(token, generation) for token in everyones[1]]
    person = store.kept(controllers[1][0])
    named = [keys.epoch, keys.lists, keys.mark(generation), keys.contacts, person.calls, person.busy]
    named.append(keys.patterns(generation))
    named += [key for _, key, _ in held]
    named += [key for key, _ in fields]
    said: list[str | int] = [len(held), *(token.member for _, _, token in held), *(field for _, field in fields)]
    said += store.arguments(of.attempt, of.campaign)
    return Probe(named, said, [hit for hit, _, _ in held], len(controllers[1]), store.seen, of)


def _beginnings(keys: Keys, tokens: TokenKeys, generation: str, of: Person) -> list[tuple[Hit, str, Token]]:
    """Every pattern that would cover the number, and what each means where it is there."""
    return [
        (Hit(audience.scope, PATTERN), keys.patterns(generation), token)
        for audience in audiences(of.controller, of.campaign)
        for prefix in prefixes(of.number)
        for token in tokens.all(audience, prefix)
    ]
