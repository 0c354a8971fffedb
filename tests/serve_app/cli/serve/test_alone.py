from __future__ import annotations

from typer.testing import CliRunner

from serve_app.cli import main
from serve_app.cli.serve import alone


def test_it_is_the_same_command() -> None:
    one, whole = (CliRunner().invoke(app, ["serve", "--help"]).output for app in (alone.app, main.app))
    assert "--dashboard-port" in one
    assert one == whole
