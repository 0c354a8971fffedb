"""Label Studio's SAM example against ours: `python -m benchmarks.peer`."""
