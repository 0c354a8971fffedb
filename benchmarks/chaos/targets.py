"""What annotators may notice of each event, and whether a run kept to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from testing.annotating.figures import OUTAGE_S, Calm, Figures

HEALTH_S = 1.0
"""Seconds that Label Studio waits for /health before it shows the model as disconnected."""

NOTICED_S = 0.5
"""Seconds. Annotators do not notice a shorter wait, however quick clicks are in calm weather."""


@dataclass(frozen=True, slots=True)
class Target:
    """Limits besides those of every event: no click lost, no mask wrong, /health down for a second at most.

    ``p99``: seconds. ``times_calm``: p99 as a multiple of that of calm weather. ``unnoticed``: clicks take no
    longer than in calm weather. ``warm_unnoticed``: clicks on known images take no longer. ``outage``: clicks
    of the first two seconds may be lost.
    """

    p99: float | None = None
    outage: bool = False
    unnoticed: bool = False
    warm_unnoticed: bool = False
    times_calm: float | None = None

    @property
    def new_images(self) -> bool:
        """Whether only clicks on new images need what died."""
        return self.warm_unnoticed

    def said(self) -> str:
        """The limits in a few words."""
        parts = [
            f"back in {OUTAGE_S:g} s" if self.outage else "0 lost",
            f"p99 {self.p99:g} s" if self.p99 is not None else "",
            f"p99 {self.times_calm:g} x calm" if self.times_calm is not None else "",
            "not noticed" if self.unnoticed else "",
            "warm clicks do not notice" if self.warm_unnoticed else "",
        ]
        return ", ".join(filter(None, parts))

    def misses(self, found: Figures, calm: Calm) -> Iterator[str]:
        """The limits that were missed, in a few words each."""
        lost = found.late if self.outage else sum(found.lost.values())
        unnoticed = max(NOTICED_S, 2 * calm.warm_p99)
        if lost:
            yield f"{lost} lost"
        if found.wrong:
            yield f"{found.wrong} wrong"
        if self.p99 is not None and found.p99 > self.p99:
            yield f"p99 {found.p99:.1f} s"
        if self.times_calm is not None and found.p99 > max(NOTICED_S, self.times_calm * calm.p99):
            yield f"p99 {found.p99:.1f} s"
        if self.outage and found.back > OUTAGE_S:
            yield f"back after {found.back:.1f} s"
        if (self.unnoticed or self.warm_unnoticed) and found.warm_p99 > unnoticed:
            yield f"warm p99 {found.warm_p99:.1f} s"
        if found.health_down > (OUTAGE_S if self.outage else HEALTH_S):
            yield f"/health down {found.health_down:.1f} s"


def targets(decoders: int) -> dict[str, Target]:
    """The target of each event, for this number of decoder replicas."""
    return {
        "Decoder": Target(p99=3 if decoders > 1 else 8),
        "Encoder": Target(warm_unnoticed=True),
        "Fetcher": Target(warm_unnoticed=True),
        "Ingress": Target(),
        "Journal": Target(),
        "HAProxy": Target(outage=True),
        "HAProxy's manager": Target(unnoticed=True),
        "fallback proxy": Target(),
        "controller": Target(),
        "decoding process": Target(),
        "a light option": Target(times_calm=3),
        "a setting": Target(times_calm=3),
    }
