from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve_app.cli.main import app
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.precompute.bench import VARIABLES


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--project"),
        (["--project", "cats"], "--project cats: must be a whole number of at least 1."),
        (["--project", "0"], "--project 0: must be a whole number of at least 1."),
        (["--project", "1"], "A token is needed"),
        (["--project", "1", "--token", LEGACY, "--at-once", "0"], "--at-once"),
        (["--project", "1", "--token", LEGACY, "--limit", "0"], "--limit"),
        (["--project", "1", "--token", LEGACY, "--backend", "9090"], "--backend must"),
        (["--project", "1", "--token", LEGACY, "--backend", "http://u:p@h"], "plain address"),
        (["--project", "1", "--token", LEGACY, "--label-studio-url", "studio"], "URL must"),
        (["--project", "1", "--token", LEGACY, "--basic-auth-user", "ray"], "Basic auth needs both"),
        (["--project", "1", "--folder", "."], "needs --document-root"),
        (["--project", "1", "--folder", "no", "--document-root", "."], "o such folder"),
        (["--project", "1", "--folder", ".", "--document-root", "no"], "o such folder"),
        (["--project", "1", "--folder", ".", "--document-root", "."], "o images"),
        (["--project", "1", "--folder", "..", "--document-root", "."], "is outside"),
        (["--project", "1", "--urls", "no.txt"], "cannot be read"),
        (["--project", "1", "--urls", "-", "--folder", "."], "not both"),
        (["--project", "1", "--urls", "-", "--only-unlabelled"], "leave it out"),
    ],
)
def test_wrong_usage_ends_with_2_before_any_call(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["precompute", *arguments], env=dict.fromkeys(VARIABLES))
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr.splitlines()[-1]
    assert LEGACY not in result.stderr
