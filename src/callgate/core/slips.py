"""One wrong letter: whether a word may be another that was typed in a hurry."""

from collections.abc import Iterable


def one_letter_out(word: str) -> Iterable[str]:
    """The word, and what is left of it when one letter is taken out. Two words that are one slip apart share one."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def one_slip(one: str, other: str) -> bool:
    """Whether the words differ by one letter missing, too many, wrong, or by two neighbours swapped."""
    if abs(len(one) - len(other)) > 1:
        return False
    first = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, others = one[first:], other[first:]
    return (
        rest[1:] == others[1:]
        or rest[1:] == others
        or rest == others[1:]
        or (rest[:2] == others[1::-1] and rest[2:] == others[2:] and len(rest) > 1)
    )
