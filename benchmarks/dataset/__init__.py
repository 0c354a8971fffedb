"""Which model needs the fewest clicks on a team's own annotations: `python -m benchmarks.dataset`."""
