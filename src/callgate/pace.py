"""How the interpreter is set for a process that people on the telephone wait for: its turns, and its garbage.

Threads take turns. The ledger's wants the interpreter back after each commit, while an agent waits, and by default the
event loop would keep it for 5 ms.

A full collection walks all objects, most of which are what was imported and will never go: these are set aside. The
young are looked through each 10,000 objects and not each 700, since sixty calls at once have more than that in hand and
none of it is garbage. Most garbage ends by its count, without a collection.
"""

import gc
import sys

TURN_S = 0.0002
YOUNG = 10_000


def set_pace() -> None:
    """Set it, once what is needed is imported."""
    sys.setswitchinterval(TURN_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
