"""The models on CPU: `python -m benchmarks.models`."""
