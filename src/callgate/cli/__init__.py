"""The command line. Exit codes: 0 done, 1 the answer is no, 2 it could not be done, and standard error says why."""

from callgate.cli.main import main

__all__ = ["main"]
