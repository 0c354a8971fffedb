"""What a search comes to: tasks with the thing in them that is most like what was asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from serve_app.cli.backend_client import plain_line
from serve_app.cli.interruptions import exit_status


@dataclass(frozen=True, slots=True)
class Hit:
    """A task. ``score``: 0..1. ``x``, ``y``, ``width``, ``height``: of the box, in percent of the picture as
    Label Studio's regions have them. ``link``: where Label Studio opens the task. ``phrase``: which of the
    phrases names what is in the box best; None where examples were given."""

    task: int
    score: float
    x: float
    y: float
    width: float
    height: float
    link: str
    phrase: str | None = None


@dataclass
class Searched:
    """``phrases``: what is looked for, () for what is like examples.

    ``images``: how many the project has; ``looked_at``: of how many is kept what a detector saw.
    ``closely``: how many of these were looked at closely, the best by the index. ``seconds``: what all took
    once the tasks were listed, with bringing the index up to date. ``stopped``: why it ended early.
    """

    project: int
    phrases: tuple[str, ...] = ()
    finder: str = ""
    images: int = 0
    looked_at: int = 0
    closely: int = 0
    seconds: float = 0.0
    hits: list[Hit] = field(default_factory=list)
    stopped: str | None = None
    interrupted: bool = False

    @property
    def status(self) -> int:
        """See ``exit_status``."""
        return exit_status(self)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": self.status == 0, **asdict(self)}

    def table(self) -> Table:
        """For a person."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        several = len(self.phrases) > 1
        for heading in ("task", "score"):
            table.add_column(heading, justify="right")
        if several:
            table.add_column("phrase", overflow="fold")
        table.add_column("box: x, y, width, height in %")
        table.add_column("link", overflow="fold")
        for hit in self.hits:
            place = f"{hit.x:.1f}, {hit.y:.1f}, {hit.width:.1f}, {hit.height:.1f}"
            named = [Text(plain_line(hit.phrase))] if several else []
            table.add_row(str(hit.task), f"{hit.score:.3f}", *named, place, hit.link)
        return table

    def lines(self) -> list[str]:
        """For a person, at the end."""
        said = [f"{self.looked_at} of {self.images} images searched in {self.seconds:.1f} s by {self.finder}"]
        if missing := self.images - self.looked_at:
            said.append(f"{missing} images are not looked at yet; {remedy(self.project)}")
        return said


def remedy(project: int) -> str:
    """How a detector comes to look at a project's images."""
    return f"`python -m serve_app precompute --project {project} --find` looks at them"
