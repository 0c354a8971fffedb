"""Measurements: accuracy and time, printed as tables."""
