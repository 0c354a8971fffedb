"""What the pre-annotation of a project comes to, by model and by what masks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

NEW, KEPT, EVERYTHING, WORDS = "boxes", "boxes, embeddings kept", "everything", "words, what was seen kept"


@dataclass(frozen=True, slots=True)
class Row:
    """Masks of some ``images``. ``seconds``: that went by; ``cpu``: of CPU.

    ``iou``: of the mask that fits best, the mean over all things; None where weights are stand-ins.
    """

    model: str
    of: str
    images: int
    masks: int
    seconds: float
    cpu: float
    iou: float | None

    @property
    def speed(self) -> float:
        """Images a second."""
        return self.images / self.seconds


def table(rows: Sequence[Row]) -> Table:
    """A line for each model and way. *ratio*: of images a second, to those of boxes of the same model."""
    made = Table(title="Masks for a project", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    words = ("model", "masks of")
    numbers = ("images", "images/s", "ratio", "masks/s", "CPU s an image", "IoU")
    for heading in (*words, *numbers):
        made.add_column(heading, justify="left" if heading in words else "right")
    first = {row.model: row.speed for row in rows if row.of == NEW}
    for row in rows:
        accuracy = "–" if row.iou is None else f"{row.iou:.3f}"
        made.add_row(
            *(row.model, row.of, str(row.images), f"{row.speed:.3f}", f"{row.speed / first[row.model]:.2f}"),
            *(f"{row.masks / row.seconds:.2f}", f"{row.cpu / row.images:.2f}", accuracy),
        )
    return made
