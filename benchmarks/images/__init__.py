"""From an image file to pixels: `python -m benchmarks.images`."""
