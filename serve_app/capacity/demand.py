"""What so many annotators ask for."""

from __future__ import annotations

from dataclasses import dataclass

CLICK_EVERY_S = 2.0
IMAGE_EVERY_S = 25.0


@dataclass(frozen=True, slots=True)
class Demand:
    """Of ``annotators`` who all work at once, as one does who never pauses: a click every two seconds, a new
    image every 25."""

    annotators: int

    @property
    def clicks_s(self) -> float:
        """Clicks a second."""
        return self.annotators / CLICK_EVERY_S

    @property
    def images_s(self) -> float:
        """Images a second that nobody has opened before. Those that are prefetched are opened later."""
        return self.annotators / IMAGE_EVERY_S
