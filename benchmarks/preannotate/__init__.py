"""Masks for a whole project, how many images a second: `python -m benchmarks.preannotate`."""
