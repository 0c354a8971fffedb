"""Somebody hostile beside honest annotators: one file for each attack, and a table of what they noticed."""
