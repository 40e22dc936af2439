"""Measurements: callgate beside what people use today, on one machine, in one run. `make bench`."""
