from __future__ import annotations

import typer
from typer.testing import CliRunner

from serve_app.cli.command_group import CommandGroup, Listed

LISTED = {
    "nowhere": Listed("serve_app.no_such_module:nowhere", "Is nowhere."),
    "models": Listed("serve_app.cli.models:models", "Is a group."),
}


class Two(CommandGroup):
    listed = LISTED


app = typer.Typer(cls=Two, no_args_is_help=True)


@app.callback()
def _main() -> None:
    """Two of them."""


def test_a_list_imports_nothing() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "Is nowhere." in result.output
    assert isinstance(CliRunner().invoke(app, ["nowhere"]).exception, ModuleNotFoundError)


def test_without_a_command_it_is_the_help_and_nothing_behind_it() -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert result.stderr == ""
    assert "Is nowhere." in result.output


def test_one_that_is_mistyped_is_a_sentence() -> None:
    result = CliRunner().invoke(app, ["nowere"])
    assert (result.exit_code, result.stdout) == (2, "")
    said = "No such command 'nowere'. Did you mean 'nowhere'? `root --help` lists what it takes.\n"
    assert result.stderr == said


def test_commands_of_a_group_have_no_completion_of_their_own() -> None:
    group = typer.main.get_command(app)
    found = vars(group)["commands"]["models"]
    assert {"list", "download"} <= set(found.commands)
    assert not found.params
    assert [each.name for each in group.params][-2:] == ["install_completion", "show_completion"]


def test_whoever_calls_it_as_a_function_gets_the_status() -> None:
    status = typer.main.get_command(app)(["models", "verify", "none"], standalone_mode=False)
    assert status == 1
