"""What a key means, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.consent import HEARD_MS, LANGUAGE_KEYS, REPEAT, WAKE, Answer, Part, listened_keys, read

ID, ASK = Part.IDENTIFICATION, Part.QUESTION
OTHERS = {"4": "nl"}


@pytest.mark.parametrize(
    ("key", "part", "played_ms", "answer"),
    [
        ("9", ID, 0, Answer.OBJECTED),
        ("9", ASK, 0, Answer.OBJECTED),
        ("1", ID, 5_000, Answer.NOTHING),
        ("2", ID, 5_000, Answer.NOTHING),
        ("1", ASK, HEARD_MS - 1, Answer.NOTHING),
        ("1", ASK, HEARD_MS, Answer.AGREED),
        ("2", ASK, HEARD_MS, Answer.REFUSED),
        ("3", ASK, 9_000, Answer.NOTHING),
        ("*", ASK, 9_000, Answer.NOTHING),
        ("", ASK, 9_000, Answer.NOTHING),
        (WAKE, ASK, 9_000, Answer.NOTHING),
        (REPEAT, ID, 0, Answer.REPEATED),
        (REPEAT, ASK, 0, Answer.REPEATED),
        ("4", ID, 0, Answer.SWITCHED),
        ("4", ASK, 0, Answer.SWITCHED),
        ("5", ASK, 9_000, Answer.NOTHING),
    ],
)
def test_a_key_means(key: str, part: Part, played_ms: int, answer: Answer) -> None:
    assert read(key, part, played_ms, OTHERS) is answer


languages = st.dictionaries(st.sampled_from(LANGUAGE_KEYS), st.sampled_from(["nl", "fr", "de", "en"]))


@given(st.text(max_size=3), st.sampled_from(Part), st.integers(0, 60_000), languages)
def test_only_one_key_at_the_right_time_agrees(key: str, part: Part, played_ms: int, others: dict[str, str]) -> None:
    if read(key, part, played_ms, others) is Answer.AGREED:
        assert (key, part) == ("1", ASK)
        assert played_ms >= HEARD_MS


def test_every_key_that_means_something_is_listened_to() -> None:
    for part in Part:
        for key in "0123456789*#ABC":
            assert (read(key, part, 10_000, OTHERS) is not Answer.NOTHING) == (key in listened_keys(part, OTHERS))
