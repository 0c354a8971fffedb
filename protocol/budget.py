"""What one request may spend on work that grows with the product of things in it, as tasks and images."""

from __future__ import annotations


class Spent(Exception):
    """There is no more to spend."""


class Budget:
    """So many units of work, spent by whoever does some of it."""

    def __init__(self, units: int) -> None:
        self._left = units

    def spend(self, units: int) -> None:
        """Do so much work. Raises Spent when there is less left."""
        self._left -= units
        if self._left < 0:
            raise Spent
