"""HMAC with the work on the key done once is HMAC all the same."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from callgate.core.mac import Mac


@given(key=st.binary(max_size=200), texts=st.lists(st.binary(max_size=200), max_size=5))
def test_it_says_what_the_standard_library_says_of_one_text_and_of_many(key: bytes, texts: list[bytes]) -> None:
    mac = Mac(key)
    said = [hmac.digest(key, text, "sha256") for text in texts]
    assert [mac.digest(text) for text in texts] == said
    assert mac.digests(texts) == b"".join(said)
