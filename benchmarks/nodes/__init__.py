"""What annotators notice when nodes of a cluster die: `python -m benchmarks.nodes`."""
