from __future__ import annotations

import pytest
from typer.testing import CliRunner

from protocol.templates import TEMPLATES
from serve_app.cli.common_options import CommandError
from serve_app.cli.connect.templates import template_called
from serve_app.cli.main import app


def test_the_list_has_each_template_with_its_job_and_asks_nobody() -> None:
    result = CliRunner().invoke(app, ["connect", "--template", "list"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(TEMPLATES)
    assert "tight around it" in result.stdout


def test_a_name_a_letter_off_is_one_sentence_with_the_right_one() -> None:
    assert template_called("") is None
    assert template_called("inspection") is TEMPLATES["inspection"]
    with pytest.raises(CommandError, match="no such template; did you mean instance-masks\\?"):
        template_called("instance-mask")
    result = CliRunner().invoke(app, ["connect", "--template", "xyz", "--token", "t"])
    assert (result.exit_code, result.stderr) == (
        1,
        "connect: --template xyz: there is no such template; `--template list` tells all\n",
    )
