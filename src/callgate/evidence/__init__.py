"""Evidence: a part of the ledger with what belongs to it, in one file that a third party can check without callgate.

`export.py` puts it together; `verifier.py` is the single file that checks it, and travels in every bundle.
"""
