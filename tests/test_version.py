from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve_app.cli.main import app
from values.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
TAGGED = [
    path
    for path in (ROOT / "cluster").rglob("*")
    if path.is_file() and path.suffix != ".pyc" and "sam-on-ray-serve:" in path.read_text()
]


def test_the_command_line_says_it() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert (answer.exit_code, answer.output) == (0, f"{VERSION}\n")


@pytest.mark.parametrize("path", TAGGED, ids=lambda path: path.name)
def test_images_are_tagged_with_it(path: Path) -> None:
    tags = re.findall(r"sam-on-ray-serve:(\d[\w.]*)", path.read_text())
    assert set(tags) == {VERSION}
