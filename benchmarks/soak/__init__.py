"""Steady work for an hour: `python -m benchmarks.soak`."""
