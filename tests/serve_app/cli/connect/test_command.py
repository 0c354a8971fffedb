from __future__ import annotations

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from serve_app.cli.connect.command import connect
from tests.serve_app.cli.fake_label_studio import LEGACY


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "a token is needed"),
        (["--token", LEGACY, "--images", "/no/such/folder"], "no such folder"),
        (["--token", LEGACY, "--images", "."], "no images"),
        (["--token", LEGACY, "--backend", "9090"], "--backend must"),
        (["--token", LEGACY, "--label-studio-url", "studio"], "Label Studio's URL must"),
        (["--token", LEGACY, "--basic-auth-user", "ray"], "both"),
    ],
)
def test_what_is_wrong_before_any_call_is_one_line_on_stderr(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = Typer()
    app.command()(connect)
    names = ("LABEL_STUDIO_URL", "LABEL_STUDIO_HOST", "LABEL_STUDIO_API_KEY", "LABEL_STUDIO_ACCESS_TOKEN")
    clean = dict.fromkeys((*names, "BASIC_AUTH_USER", "BASIC_AUTH_PASS"))
    result = CliRunner().invoke(app, arguments, env=clean)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert LEGACY not in result.output
