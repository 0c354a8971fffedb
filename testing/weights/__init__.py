"""Deterministic weights in the shape of the official checkpoints."""
