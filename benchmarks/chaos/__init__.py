"""What annotators notice when processes of the application die: `python -m benchmarks.chaos`."""
