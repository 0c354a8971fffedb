"""The templates that `connect --template` takes: by name, and as a list."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from protocol.templates import TEMPLATES, Template
from serve_app.cli.common_options import CommandError

LIST = "list"
"""What is given in place of a name to be told which there are."""


def template_called(name: str) -> Template | None:
    """The template of that name; None for "". Raises CommandError, which names the nearest one."""
    if not name:
        return None
    if name in TEMPLATES:
        return TEMPLATES[name]
    near = get_close_matches(name, TEMPLATES, 1)
    meant = f"did you mean {near[0]}?" if near else f"`--template {LIST}` tells all"
    raise CommandError(f"--template {name}: there is no such template; {meant}")


def template_lines() -> Iterator[str]:
    """A line for each template, and one about more."""
    for each in TEMPLATES.values():
        asks, gives = each.layout.asks, each.layout.result
        yield f"{each.name:<22} {each.about} ({asks} -> {gives})"
    yield "--label names your own labels, --output gives another kind of result; pictures: docs/templates.md"
