"""Whether the keys lie in a second place: without them, a backup of the ledger is worth nothing.

Without the master keys nothing personal can be read; without the index key nobody is found, nor erased; without the
suppression keys the objections of those who were erased are lost, and they would be called again. A backup holds none
of these. So it is made only by somebody who can show the *fingerprint* of the copies that lie elsewhere.
"""

import hashlib
import hmac
from pathlib import Path

from callgate.stores.encoding import read_keys
from callgate.stores.errors import LedgerRefused
from callgate.stores.ledger.keyfile import read_ledger_keys

DIGITS = 16


def fingerprint(ledger_keys: Path, suppression_keys: Path) -> str:
    """Tells these keys, all of them, from any others, and nothing about them: 16 hexadecimal digits.

    Master keys that come from the environment are among them. Raises `BadKeyFile`.
    """
    keys, tokens = read_ledger_keys(ledger_keys), read_keys(suppression_keys)
    secrets = [*keys.masters.values(), keys.index, keys.signing, *(key.secret for key in tokens.keys)]
    digests = sorted(hmac.digest(secret, b"callgate escrow", "sha256") for secret in secrets)
    return hashlib.sha256(b"".join(digests)).hexdigest()[:DIGITS]


def insist(escrowed: str | None, ledger_keys: Path, suppression_keys: Path) -> None:
    """Raises `LedgerRefused` unless `escrowed` is the fingerprint of the keys in force."""
    way_out = (
        f"put copies of {ledger_keys} and {suppression_keys} in another place, run `callgate ledger fingerprint"
        " LEDGER_KEY SUPPRESSION_KEY` on the copies, and say --escrowed and what it prints"
    )
    if escrowed is None:
        raise LedgerRefused(f"without the keys nobody could use this backup, and they are not in it; {way_out}")
    if escrowed != fingerprint(ledger_keys, suppression_keys):
        raise LedgerRefused(f"{escrowed!r} is not the fingerprint of the keys in force; {way_out}")
