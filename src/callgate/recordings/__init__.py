"""Sealed recordings, in the office: who may listen, what goes with an export, and when they end."""
