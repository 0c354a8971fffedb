"""Processes in which files from strangers are decoded, and the boxes around them."""
