"""One click: its latency, its stages, its parts called bare."""
