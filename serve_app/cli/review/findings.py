"""What a review finds: a few words and a link for each annotation that somebody should look at again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from serve_app.cli.interruptions import exit_status

MOST = 10_000
"""Findings that are kept, and told at the end; of more there is only the number."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one annotation.

    ``check``: what looked for it. ``certain``: whether it is wrong for sure, or only may be. ``link``: where
    Label Studio opens the task.
    """

    check: str
    task: int
    annotation: int
    said: str
    certain: bool
    link: str


@dataclass
class Review:
    """What a review came to.

    ``tasks``, ``annotations``: how many were looked at. ``unread``: annotations that could not be read.
    ``stopped``: why it ended early.
    """

    project: int
    tasks: int = 0
    annotations: int = 0
    unread: int = 0
    certain: int = 0
    uncertain: int = 0
    findings: list[Finding] = field(default_factory=list)
    stopped: str | None = None
    interrupted: bool = False

    def add(self, found: Finding) -> None:
        """Count a finding, and keep it where there is room."""
        if found.certain:
            self.certain += 1
        else:
            self.uncertain += 1
        if len(self.findings) < MOST:
            self.findings.append(found)

    @property
    def status(self) -> int:
        """The exit status: 0, 1 when something is wrong for sure or was not looked at, 130 after Ctrl-C."""
        return exit_status(self, failed=self.certain + self.unread > 0)

    @property
    def untold(self) -> int:
        """Findings that are only counted."""
        return self.certain + self.uncertain - len(self.findings)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": self.status == 0, **asdict(self), "untold": self.untold}
