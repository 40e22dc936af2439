import gc
import sys
from collections.abc import Iterator

import pytest

from callgate.pace import set_pace


@pytest.fixture
def as_it_was() -> Iterator[None]:
    """Whatever a test sets, the next does not find."""
    turn, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(turn)


@pytest.mark.usefixtures("as_it_was")
def test_what_was_imported_is_never_walked_again_and_what_comes_is_still_collected() -> None:
    class Ring:
        """Garbage that only a collection finds."""

        def __init__(self) -> None:
            self.itself = self

    set_pace()
    assert gc.is_tracked(sys.modules)
    assert not any(one is sys.modules for one in gc.get_objects())
    Ring()
    assert any(isinstance(one, Ring) for one in gc.get_objects())
    gc.collect()
    assert not any(isinstance(one, Ring) for one in gc.get_objects())
    assert sys.getswitchinterval() < 0.001
