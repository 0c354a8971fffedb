"""Annotations of Label Studio as data sets: regions to masks and outlines, and a file for each format."""
