"""Annotators work through a project: `python -m benchmarks.session`."""
