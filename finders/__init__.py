"""Open-vocabulary detectors: boxes and vectors of an image, queries by phrase and by example, and matches."""
