"""The command line as a whole: what it lists, what it imports, and what shells are told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from serve_app.cli.command_group import CommandGroup
from serve_app.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = vars(typer.main.get_command(app))["commands"]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_listed_with_the_first_line_of_its_help(name: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, CommandGroup)
    assert group.listed[name].about == COMMANDS[name].help.splitlines()[0]


@pytest.mark.slow
def test_a_command_imports_no_other() -> None:
    code = (
        "import sys; from serve_app.__main__ import main\n"
        "try: main()\nexcept SystemExit as end: print(end.code)\n"
        "print(*sorted(name for name in sys.modules if name.startswith('serve_app.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "--port", "x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    status, imported = done.stdout.splitlines()
    assert status == "2"
    assert "serve_app.cli.serve.command" in imported
    others = {
        "connect",
        "precompute",
        "preannotate",
        "forget",
        "export",
        "review",
        "doctor",
        "plan",
        "models",
    }
    assert not others & {each.split(".")[2] for each in imported.split()}


def completed(*words: str) -> list[str]:
    """What bash is told that may stand in place of the last of these words."""
    variables = {
        "_SERVE_APP_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("serve_app", *words)),
        "COMP_CWORD": str(len(words)),
    }
    return CliRunner().invoke(app, [], prog_name="serve_app", env=variables).output.split()


def test_commands_options_and_values_are_completed() -> None:
    assert completed("") == list(COMMANDS)
    assert completed("ser") == ["serve"]
    assert completed("serve", "--da") == ["--dashboard-port"]
    assert completed("models", "do") == ["download"]
    assert completed("models", "download", "mobile") == ["mobile_sam"]
    assert completed("export", "--format", "yo") == ["yolo-seg", "yolo"]


@pytest.mark.slow
def test_bash_takes_the_script_that_is_shown(tmp_path: Path) -> None:
    """The script that a bash sources, with a command `serve_app` on its PATH."""
    bash = shutil.which("bash")
    assert bash is not None
    command = tmp_path / "serve_app"
    code = "from serve_app.__main__ import main; main()"
    command.write_text(f"#!{sys.executable}\nimport sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\n")
    command.chmod(0o755)
    asked = (
        "source <(serve_app --show-completion); COMP_WORDS=(serve_app mod); COMP_CWORD=1\n"
        '"$(complete -p serve_app | sed "s/.*-F \\([^ ]*\\) .*/\\1/")" serve_app; echo "${COMPREPLY[@]}"'
    )
    path = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    done = subprocess.run(
        [bash, "--norc", "-c", asked], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("models\n", "")


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_module_is_no_command_that_shells_complete(option: str) -> None:
    result = CliRunner().invoke(app, [option], prog_name="python -m serve_app")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Shells complete the command serve_app, not python -m serve_app.")
