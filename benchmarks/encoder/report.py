"""The results so far, as tables, as markdown and as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.encoder import tables
from benchmarks.encoder.goals import verdicts
from benchmarks.encoder.speed import WAYS, Row
from benchmarks.encoder.tables import CAPTION, GOALS_CAPTION, STAND_IN_CAPTION, Sheet

PUBLISHED = "published"
STAND_IN = "stand-in"

Page = tuple[Sheet, tuple[str, ...]]


@dataclass(slots=True)
class Report:
    """``machine``, ``device``: a line each. ``weights``: PUBLISHED or STAND_IN, by model."""

    machine: str
    device: str
    weights: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def page(self, model: str) -> Page:
        """The table of a model and the lines below it."""
        weights = self.weights[model]
        own = [row for row in self.rows if row.model == model]
        captions = (CAPTION, STAND_IN_CAPTION) if weights == STAND_IN else (CAPTION,)
        return tables.speed_sheet(model, weights, own), captions

    def goals(self) -> Page:
        """The table of the goals and the lines below it."""
        stand_ins = {model for model, weights in self.weights.items() if weights == STAND_IN}
        found = verdicts(self.rows, self.device, stand_ins)
        return tables.goals_sheet(found), (GOALS_CAPTION,)

    def markdown(self) -> str:
        """All tables, for docs/performance.md."""
        intro = f"{self.device}; {self.machine}\n"
        return "\n".join([intro, *(tables.markdown(*page) for page in self._pages())])

    def values(self) -> dict[str, Any]:
        """For JSON."""
        stand_ins = {model for model, weights in self.weights.items() if weights == STAND_IN}
        return {
            "machine": self.machine,
            "device": self.device,
            "weights": self.weights,
            "rows": [asdict(row) | {"speed": {way: row.speed(way) for way in WAYS}} for row in self.rows],
            "goals": [asdict(each) for each in verdicts(self.rows, self.device, stand_ins)],
        }

    def _pages(self) -> Iterator[Page]:
        for model in dict.fromkeys(row.model for row in self.rows):
            yield self.page(model)
        yield self.goals()
