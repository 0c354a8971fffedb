"""More clicks than can be answered: `python -m benchmarks.overload`."""
