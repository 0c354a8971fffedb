"""What the durable tier costs for so many images, in money and hours, by the list prices of one cloud.

Prices are those of S3 Standard in us-east-1 (aws.amazon.com/s3/pricing, 2025), in dollars: yours differ, and
their proportions hardly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from serve_app.capacity.costs import SHARES, Card, images_s

MONTH_STEPS = ((0, 0.023), (51_200, 0.022), (512_000, 0.021))
"""Dollars for a GiB and month, from so many GiB on."""

PER_PUT = 0.005 / 1000
"""Dollars for a PUT or LIST; a GET is a twelfth of it, and to delete costs nothing."""

LISTED = 1000
"""Objects in one answer to a LIST."""

LIST_S = 0.15
"""Seconds that such an answer takes; assumed."""

LISTINGS = 2
"""Of the whole place, in a sweep that has to remove more than it knows by name."""

GPU_HOUR = 3.0
"""Dollars for an hour of an H100; assumed. Other cards cost about their share."""

CORE_HOUR = 0.04
"""Dollars for an hour of a core; assumed."""


@dataclass(frozen=True, slots=True)
class Archive:
    """``images`` whose embeddings have ``embedding_mib`` each."""

    images: int
    embedding_mib: int

    @property
    def gib(self) -> float:
        """What they take: `DURABLE_GIB`."""
        return self.images * self.embedding_mib / 1024

    @property
    def month(self) -> float:
        """Dollars a month to keep them."""
        steps = (*MONTH_STEPS, (float("inf"), 0.0))
        return sum(
            price * max(0.0, min(self.gib, end) - start) for (start, price), (end, _) in pairwise(steps)
        )

    @property
    def writing(self) -> float:
        """Dollars to write each once."""
        return self.images * PER_PUT

    @property
    def lists(self) -> int:
        """LIST requests of one sweep."""
        return -(-self.images // LISTED) * LISTINGS

    @property
    def sweep(self) -> float:
        """Dollars for one sweep."""
        return self.lists * PER_PUT

    def sweep_hours(self, at_once: int) -> float:
        """Hours of one sweep that has so many lists going at once."""
        return self.lists * LIST_S / at_once / 3600

    def encoding_hours(self, model: str, card: Card, replicas: int) -> float:
        """Hours until so many GPUs, or cores, have encoded them all. Raises NoFigures."""
        return self.images / (images_s(model, card) * replicas) / 3600

    def worth_days(self, model: str, card: Card) -> float:
        """Days after which keeping an embedding has cost as much as to encode it again. Raises NoFigures."""
        hour = CORE_HOUR if card is Card.NONE else GPU_HOUR * SHARES[card]
        encode = hour / 3600 / images_s(model, card)
        return encode / (self.month / self.images / 30)
