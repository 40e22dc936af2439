"""The screen for call notes: what it finds of the labelled notes, half by half and language by language, and how fast.

The lexicon is compared with none, by the same words: it is most of the memory, and what it is worth has to show.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from bench.report import Figure, percentile
from callgate import notes
from callgate.core.screen import Finding, Screen
from callgate.core.words import NoLexicon
from tests.notes.labelled import Note, blind, labelled, score

ROUNDS = 5
HALVES = ("dev", "held-out")
_LOADED = """
import sys
from pathlib import Path
from callgate import notes

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

before = resident()
notes.prepare(sys.argv[1:])
print(resident() - before)
"""


async def measure(console: Console) -> list[Figure]:
    """Precision and recall of the half that nobody developed against, beside those of the other; time for a note.

    `blind`: the notes of an author who had not seen the words.
    """
    of, unseen = labelled(), blind()
    _show("labelled", of, console)
    _show("blind", unseen, console)
    dev, held = (score([note for note in of if note.half == half]) for half in HALVES)
    blind_dev, blind_held = (score([note for note in unseen if note.half == half]) for half in HALVES)
    bare = _bare()
    of += unseen
    alone = _times(of, lambda note: notes.screen(note.text, [note.language]))
    every = _times(of, lambda note: notes.screen(note.text))
    without = _times(of, lambda note: bare[note.language].findings(note.text))
    beside = "the half that it was developed against"
    return [
        Figure("notes.recall", held.recall, "", beside, dev.recall, ">= 0.9"),
        Figure("notes.precision", held.precision, "", beside, dev.precision, ">= 0.9"),
        Figure("notes.blind_recall", blind_held.recall, "", beside, blind_dev.recall, ">= 0.85"),
        Figure("notes.blind_precision", blind_held.precision, "", beside, blind_dev.precision, ">= 0.9"),
        Figure("notes.screen_p50_ms", percentile(alone, 0.5), "ms", "without the lexicon", percentile(without, 0.5)),
        Figure(
            "notes.screen_p99_ms", percentile(alone, 0.99), "ms", "in all languages", percentile(every, 0.99), "< 1"
        ),
        Figure("notes.memory_mb", _memory(notes.LANGUAGES), "MB", "English alone", _memory(["en"])),
    ]


def _show(name: str, of: Sequence[Note], console: Console) -> None:
    """The tables of docs/notes.md."""
    halves = list(dict.fromkeys(note.half for note in of))
    table = Table("half", "language", "screened in", "notes", "precision", "recall", "right category", title=name)
    for half in halves:
        for language in notes.LANGUAGES:
            some = [note for note in of if (note.half, note.language) == (half, language)]
            for languages in ([language], notes.LANGUAGES):
                got = score(some, languages)
                rates = (f"{rate:.3f}" for rate in (got.precision, got.recall, got.category))
                table.add_row(half, language, "all" if len(languages) > 1 else language, str(got.notes), *rates)
    console.print(table)
    bare = _bare()
    for half in halves:
        some = [note for note in of if note.half == half]
        found = [(note.label != "fine", bool(bare[note.language].findings(note.text))) for note in some]
        right = found.count((True, True))
        precision, recall = right / (right + found.count((False, True))), right / sum(bad for bad, _ in found)
        console.print(f"{half} without the lexicon: precision {precision:.3f}, recall {recall:.3f}")


def _bare() -> dict[str, Screen]:
    return {language: Screen(notes.vocabulary(language), NoLexicon()) for language in notes.LANGUAGES}


def _times(of: Sequence[Note], screened: Callable[[Note], list[Finding]]) -> list[float]:
    """Milliseconds for each note, the best of a few rounds after one in which everything is read.

    The best, since what others do on the machine meanwhile would show in the last percent, and the note's own cost not.
    """
    for note in of:
        screened(note)
    return [min(_time(note, screened) for _ in range(ROUNDS)) for note in of]


def _time(note: Note, screened: Callable[[Note], list[Finding]]) -> float:
    begun = time.perf_counter()
    screened(note)
    return (time.perf_counter() - begun) * 1e3


def _memory(languages: Sequence[str]) -> float:
    """What a process grows by when it reads the words of these languages, in MB."""
    done = subprocess.run([sys.executable, "-c", _LOADED, *languages], capture_output=True, text=True, check=True)
    return float(done.stdout)
