"""What can be wrong with prompts. Each error names every fault that was found, not only the first."""

from collections.abc import Iterable


class PromptError(Exception):
    """Prompts cannot be built or loaded; `faults` holds one sentence per fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class ScriptError(PromptError):
    """A text, a recording's name or a value of the configuration cannot be spoken as it stands."""


class ToolMissing(PromptError):
    """A program that speaks or converts is not installed."""


class SpeechError(PromptError):
    """espeak-ng or sox failed, or what came out holds no sound."""


class TooLong(PromptError):
    """Prompts last longer than a person on the line can be held."""


class SetDamaged(PromptError):
    """The built set is absent, or its files are not those of its manifest."""


class NoSuchPrompt(PromptError):
    """The set in force has no such prompt: the configuration is newer than the last build."""
