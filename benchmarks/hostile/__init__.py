"""Attacks on the application while honest annotators work, a file for each family of attacks."""
