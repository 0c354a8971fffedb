"""A terminal: commands of ours that are typed into it, and a picture of them and of what came back."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from testing.running_app import ROOT, inherited

OURS = "python -m serve_app"
LONGEST_S = 300
_CURSOR = re.compile(r"\x1b\[\?25[lh]")  # hidden and shown again
_REDRAWN = "\x1b[2K"
# As rich has it, without the font that it would ask another host for.
_SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Terminal:
    """Runs commands one after the other with these ``variables``, on lines of ``width`` characters.

    ``module``: what stands for serve_app where a test needs another one.
    """

    def __init__(self, variables: Mapping[str, str], width: int = 100, module: str = "serve_app") -> None:
        shown = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(width)}
        self._variables = {**inherited(), **shown, **variables}
        self._width = width
        self._module = module
        self._shown: list[Text] = []

    def run(self, typed: str, *unseen: str) -> str:
        """What a command of ``OURS``, with options that the picture does not show, leaves on the screen.

        Raises AssertionError where it fails.
        """
        options = shlex.split(typed.removeprefix(OURS))
        done = subprocess.run(
            [sys.executable, "-m", self._module, *options, *unseen],
            cwd=ROOT,
            env=self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_S,
            check=False,
        )
        left = settled(done.stdout.decode())  # text=True would make lines of a bar's returns
        assert done.returncode == 0, left
        self._shown += [Text.assemble(("$ ", "green"), (typed, "bold")), Text.from_ansi(left)]
        return left

    def picture(self, file: Path) -> None:
        """All of it, as an SVG."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(drawn(self._shown, self._width, file.stem))


def settled(output: str) -> str:
    """What stays on the screen: of lines that were drawn over and over, what was drawn last."""
    lines = _CURSOR.sub("", output.replace("\r\n", "\n")).rstrip().split("\n")
    return "\n".join(line.rpartition(_REDRAWN)[2].rstrip("\r") for line in lines)


def drawn(shown: Sequence[Text], width: int, name: str) -> str:
    """An SVG of a terminal. ``name``: of what is in it, unlike that of others on the same page."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, highlight=False)
    for each in shown:
        console.print(each)
    return console.export_svg(title="", code_format=_SVG, unique_id=name)
