"""Calling those who listen: a fault of theirs is logged and costs nothing else.

The text of the error stays out of the log, since it may hold a number; its type and place are enough to find it.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import ParamSpec

log = logging.getLogger(__name__)

P = ParamSpec("P")


def tell(listener: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a synchronous listener."""
    try:
        listener(*args, **kwargs)
    except Exception as error:
        _log(error)


async def hand(listener: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Call an asynchronous listener and wait for it. Returns whether it took what it was handed."""
    try:
        await listener(*args, **kwargs)
    except Exception as error:
        _log(error)
        return False
    return True


def _log(error: Exception) -> None:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}" if traceback else "an unknown place"
    log.error("a listener of the manager interface raised %s at %s", type(error).__name__, where)
