"""What a table looks like on paper."""

from __future__ import annotations

from rich.console import Console


def printed(table: object, width: int = 160) -> str:
    """The text of what rich prints, on lines of ``width`` characters."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
