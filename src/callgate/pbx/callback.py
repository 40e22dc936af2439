"""What somebody hears who calls back the number that they were shown: who calls from it, for whom, why; and one key.

No agent, and nothing of what calls there were: the caller ID may be forged. It is said twice, since nobody expects
it; the key that objects works at any moment. "Noted" is said when it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from callgate.core.calledback import CalledBack
from callgate.core.consent import OBJECT
from callgate.pbx.agi import RemoteError, Session
from callgate.pbx.interview import SLACK_S
from callgate.prompts.catalogue import Catalogue, Prompt
from callgate.prompts.names import Callee

ANSWER_MS = 4_000
"""How long a caller has for the key after it was said."""
TIMES = 2


@dataclass(frozen=True, slots=True)
class Words:
    """What can be said: about each campaign, and what comes of the key."""

    about: Sequence[Prompt]
    noted: Prompt
    failed: Prompt
    no_number: Prompt


def words_of(found: CalledBack, catalogue: Catalogue) -> Words:
    """The words for whoever calls back, in the language that was found. Raises `NoSuchPrompt`."""
    language = found.language
    return Words(
        [catalogue.callback(campaign, language) for campaign in found.campaigns],
        catalogue.prompt(Callee.OBJECTED, language),
        catalogue.prompt(Callee.DROPPED, language),
        catalogue.prompt(Callee.NO_NUMBER, language),
    )


class CallBack:
    """One caller's channel. Every method raises what the session does; `RemoteError` too where a prompt was not
    played."""

    def __init__(self, session: Session, words: Words) -> None:
        self._session = session
        self._words = words

    async def serve(self, commit: Callable[[], Awaitable[bool]] | None) -> bool:
        """Say it, and take the objection where the key is pressed: `commit` enters it and says whether it could.

        None: the caller shows no number, and is told so. Returns whether they objected and it was committed.
        """
        for _ in range(TIMES):
            for prompt in self._words.about:
                if await self._play(prompt, OBJECT):
                    return await self._object(commit)
            await self._extend(ANSWER_MS / 1000)
            if await self._session.wait_for_digit(ANSWER_MS) == OBJECT:
                return await self._object(commit)
        return False

    async def _object(self, commit: Callable[[], Awaitable[bool]] | None) -> bool:
        done = commit is not None and await commit()
        if commit is None:
            await self._play(self._words.no_number)
        else:
            await self._play(self._words.noted if done else self._words.failed)
        return done

    async def _play(self, prompt: Prompt, listen: str = "") -> bool:
        """Play a prompt; whether the key was pressed."""
        await self._extend(prompt.seconds)
        played = await self._session.stream_file(prompt.path, listen, lasts_s=prompt.seconds)
        if played.failed:
            raise RemoteError(f"the prompt {prompt.name} was not played")
        return played.digit == OBJECT

    async def _extend(self, seconds: float) -> None:
        await self._session.set_variable("TIMEOUT(absolute)", f"{seconds + SLACK_S:.1f}")
