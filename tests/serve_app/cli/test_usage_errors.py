"""Whatever is mistyped of a command is one plain line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from serve_app.cli.main import app
from serve_app.cli.usage_errors import not_taken


def options(group: Any, *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every option of every command, with the words that name the command."""
    for name, command in vars(group)["commands"].items():
        if "commands" in vars(command):
            yield from options(command, *above, name)
        else:
            yield from (((*above, name), each) for each in command.params if each.opts[0].startswith("-"))


def kind(option: Any) -> Any:
    annotation = option.type_descriptor.annotation
    return next(iter(get_args(annotation)), annotation)


ALL = list(options(typer.main.get_command(app)))
NUMBERS = [(words, each) for words, each in ALL if kind(each) in (int, float)]
WORDS = {int: "a whole number", float: "a number"}


def only_line(*arguments: str, **variables: str | None) -> str:
    result = CliRunner().invoke(app, list(arguments), env=variables)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    [line] = result.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "option"), NUMBERS, ids=[" ".join((*words, each.opts[0])) for words, each in NUMBERS]
)
def test_text_for_a_number(words: tuple[str, ...], option: Any) -> None:
    wanted = f"must be {WORDS[kind(option)]}"
    said = only_line(*words, option.opts[0], "9090x", PORT=None)
    assert said.startswith(f"{option.opts[0]} 9090x: {wanted}")
    assert said.endswith(".")
    for variable in [option.envvar] if isinstance(option.envvar, str) else option.envvar or []:
        said = only_line(*words, **{variable: "9090x"})
        assert said.startswith(f"{variable}=9090x: {wanted}")
        assert said.endswith(". Correct it in the environment, or take it out of there.")


def test_each_command_that_has_a_number_is_tried() -> None:
    assert {words[0] for words, _ in NUMBERS} == {
        "serve",
        "precompute",
        "preannotate",
        "forget",
        "export",
        "review",
        "search",
        "doctor",
        "plan",
    }
    assert [each.envvar for _, each in NUMBERS if each.envvar] == ["PORT", "PORT"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--port", "70000"), "--port 70000: must be a whole number from 1 to 65535."),
        (("doctor", "--port", "0"), "--port 0: must be a whole number from 1 to 65535."),
        (("precompute", "--project", "0"), "--project 0: must be a whole number of at least 1."),
        (("export", "--tolerance", "-1"), "--tolerance -1: must be a number from 0 to 100."),
        (("connect", "--output", "lines"), "--output lines: must be brush, polygon, bitmask or rectangle."),
        (("export", "--format", "voc"), "--format voc: must be coco, "),
        (("precompute",), "--project is missing. `serve_app precompute --help` lists what it takes."),
        (("serve", "--prot", "9090"), "No such option: --prot "),
        (("serve", "--port"), "Option '--port' requires an argument."),
        (
            ("serve", "9090"),
            "Got unexpected extra argument(s) (9090). `serve_app serve --help` lists what it takes.",
        ),
        (("models", "export"), "NAME is missing. `serve_app models export --help` lists what it takes."),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_other_mistakes(arguments: tuple[str, ...], said: str) -> None:
    assert only_line(*arguments, PORT=None).startswith(said)


def test_a_switch_of_the_environment_is_true_or_false() -> None:
    assert only_line("models", "download", "mobile_sam", OFFLINE="maybe").startswith(
        "OFFLINE=maybe: must be true or false. Correct it in the environment"
    )


def test_what_was_given_is_shown_short_and_without_what_a_terminal_obeys() -> None:
    said = not_taken("--port", "\x1b[2J" + "9" * 100, "a port", variable=False)
    assert said == f"--port ?[2J{'9' * 56}…: must be a port."
