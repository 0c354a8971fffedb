"""What annotators notice of upgrades: `python -m benchmarks.upgrade`."""
