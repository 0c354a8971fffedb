"""Other backends of a project: Label Studio asks one of them, and not always the one that is meant."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer

from label_studio.client import LabelStudio
from label_studio.ml_backends import connections_of, disconnect, is_reached


@dataclass(frozen=True, slots=True)
class Other:
    """A backend of the project besides this one. ``reached``: whether Label Studio reaches it."""

    id: int
    url: str
    title: str
    reached: bool

    def __str__(self) -> str:
        state = "connected as well" if self.reached else "not reached: nothing answers there"
        return f"{self.url} ({self.title!r}) is {state}"


def others_of(studio: LabelStudio, project: int, url: str) -> list[Other]:
    """The backends of a project that are not at ``url``. Raises what ``LabelStudio`` raises."""
    return [
        Other(int(row["id"]), str(row["url"]), str(row.get("title") or ""), is_reached(row))
        for row in connections_of(studio, project)
        if str(row["url"]).rstrip("/") != url
    ]


def offer_to_remove(
    studio: LabelStudio,
    project: int,
    others: Sequence[Other],
    *,
    remove: bool | None,
    ask: Callable[[str], bool] = typer.confirm,
) -> list[str]:
    """Remove other backends, if that is wanted; a sentence for each about what became of it.

    ``remove``: None asks, where there is a terminal to ask at. Raises what ``LabelStudio`` raises.
    """
    said = []
    for other in others:
        wanted = remove
        if wanted is None and sys.stdin.isatty():
            wanted = ask(f"Another backend, {other}. Remove it from the project?")
        if wanted:
            disconnect(studio, project, other.id, other.url)
            said.append(f"{other}: removed from the project")
        else:
            said.append(f"{other}; Label Studio may ask it instead of this one; --remove-others removes it")
    return said
