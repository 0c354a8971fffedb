"""Masks of everything in a picture: a grid of clicks, and filters for what came of them."""
