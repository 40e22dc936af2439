"""`python -m callgate`: the command, of this very interpreter."""

from callgate.cli import main

main()
