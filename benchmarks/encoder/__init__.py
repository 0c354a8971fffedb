"""Encoders in torch: `python -m benchmarks.encoder`."""
