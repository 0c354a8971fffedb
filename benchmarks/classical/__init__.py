"""What the segmenter without weights finds, click by click: `python -m benchmarks.classical`."""
