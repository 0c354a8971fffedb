"""What an export tells at its end, to a person and to programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exports.dataset import LEFT_OUT, PICTURES


@dataclass
class Summary:
    """``counts``: of ``DataSet``. ``met``: labels that the config does not have. ``stopped``: why it is not
    whole; ``interrupted``: by Ctrl-C."""

    folder: Path
    counts: Mapping[str, int] = field(default_factory=dict)
    met: Sequence[str] = ()
    stopped: str | None = None
    interrupted: bool = False

    @property
    def whole(self) -> bool:
        """Whether the data set is finished."""
        return self.stopped is None and not self.interrupted

    @property
    def status(self) -> int:
        """The exit status: 0, 1 when anything is left out or missing, 130 after Ctrl-C."""
        if self.interrupted:
            return 130
        return int(not self.whole or bool(self.counts.get("left_out")))

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ok": self.status == 0,
            "whole": self.whole,
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "out": str(self.folder),
            **self.counts,
            "labels_not_in_config": list(self.met),
        }

    def lines(self) -> list[str]:
        """For a person."""
        if not self.counts:
            return []
        count = self.counts
        lines = [
            f"{count['objects']} objects on {count['pictures']} pictures of {count['tasks']} tasks in "
            f"{self.folder}, {count['left_out']} left out"
        ]
        for key, sentence in _NOTES.items():
            if count[key]:
                lines.append(sentence.format(count[key]))
        if self.met:
            names = ", ".join(self.met[:10]) + ("…" if len(self.met) > 10 else "")
            lines.append(f"labels that the labeling config does not have come behind its own: {names}")
        if count["left_out"]:
            lines.append(f"what is left out, and why: {self.folder / LEFT_OUT}")
        if self.whole:
            lines.append(f"which picture is of which task: {self.folder / PICTURES}")
        else:
            lines.append("run the same command again to continue; what is written is kept")
        return lines


_NOTES = {
    "no_annotation": "{} tasks have no annotation that counts",
    "several_annotations": "{} tasks have several annotations: an accepted one counts, or else the newest",
    "several_labels": "{} regions have several labels: the first counts",
    "points": "{} keypoints have no area and are no objects",
}
