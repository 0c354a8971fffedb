"""What is decided before Ray starts, handed from the process that decides to the one that runs Ray."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

CONFIG = "serve.yaml"
_INSTANCE = "instance.json"


@dataclass(frozen=True, slots=True)
class Instance:
    """What is decided before Ray starts.

    ``origin`` is the URL at which the application answers and ``prefixes`` are the paths of its applications;
    ``ports`` are (what, address, port) of everything that this instance alone may listen on, that of the link
    to the dashboard among them; ``notes`` and ``warnings`` are said when the application is there. ``config``
    is the file that the operator named.
    """

    origin: str
    prefixes: tuple[str, ...]
    dashboard_port: int
    link_port: int
    metrics_port: int
    ports: tuple[tuple[str, str, int], ...]
    ray_folder: str
    config: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Into the folder, for the other process."""
        (folder / _INSTANCE).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Instance:
        """What was written there."""
        given = json.loads((folder / _INSTANCE).read_text())
        for name in ("prefixes", "notes", "warnings"):
            given[name] = tuple(given[name])
        return cls(
            **given | {"ports": tuple((what, address, port) for what, address, port in given["ports"])}
        )
