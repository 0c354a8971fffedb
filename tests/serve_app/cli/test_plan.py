"""The command: a config on stdout, and a sentence for what cannot be planned."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from serve_app.cli.main import app
from serve_app.lint.yaml_files import lint_file


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["plan", *words])


@pytest.mark.parametrize("annotators", ["25", "100", "1000", "10000"])
def test_what_is_written_lints(annotators: str, tmp_path: Path) -> None:
    result = run("--annotators", annotators, "--gpu", "h100")
    assert result.exit_code == 0, result.output
    path = tmp_path / "mine.yaml"
    path.write_text(result.stdout)
    assert [str(problem) for problem in lint_file(path)] == []
    assert "# Breaks first: Label Studio's own uwsgi at about" in result.stdout
    assert ("--router" in result.stdout) == (annotators == "10000")


def test_doctor_checks_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert run("--annotators", "100", "--gpu", "h100", "--output", str(path)).stdout == ""
    assert path.read_text() == run("--annotators", "100", "--gpu", "h100").stdout
    assert CliRunner().invoke(app, ["doctor", str(path), "--only-files"]).exit_code == 0
    path.write_text(path.read_text().replace("max_replicas:", "max_replica:"))
    result = CliRunner().invoke(app, ["doctor", str(path), "--only-files"])
    assert result.exit_code == 1
    assert "did you mean 'max_replicas'?" in result.stdout


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    result = run("--annotators", "100", "--output", str(tmp_path / "missing" / "mine.yaml"))
    assert result.exit_code == 1
    assert "mine.yaml: No such file or directory. Name another file by --output." in result.stderr


def test_without_a_gpu_the_fast_model_is_planned_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = run("--annotators", "25").stdout
    for name, value in (("MODEL", "sam_vit_h"), ("CACHE_MIB", "x"), ("REFINE_MIB", "9000")):
        monkeypatch.setenv(name, value)
    after = run("--annotators", "25").stdout
    assert yaml.safe_load(after)["applications"][0]["args"]["model"] == "mobile_sam"
    assert after == before


def test_a_cell_and_the_router() -> None:
    assert "route_prefix: /cell-7\n" in run("--annotators", "10000", "--cell", "7").stdout
    written = run("--annotators", "10000", "--router").stdout
    assert "backend cell-10\n" in written
    assert "backend cell-11\n" not in written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--annotators 1000 --gpu l4 --gpus 1", "1000 annotators with sam2.1_hiera_large need 3 GPUs of the"),
        ("--annotators 10 --gpus 1", "name them by --gpu."),
        ("--annotators 10 --model sam_vit_hh", "No model is called 'sam_vit_hh' (did you mean sam_vit_h?);"),
        (
            "--annotators 10 --model sam_vit_l",
            "There is no figure to plan with for sam_vit_l; --model may be",
        ),
        ("--annotators 10 --model sam_vit_h", "There is no figure for sam_vit_h without a GPU;"),
        ("--annotators 10 --cell 2", "There is no cell 2: 10 annotators are in one cell."),
        ("--annotators 1500 --cell 3", "There is no cell 3: 1500 annotators are in 2 cells of 750."),
        ("--annotators 10 --router", "10 annotators are in one cell, which needs no router; from 1001 on"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(words: str, said: str) -> None:
    result = run(*words.split())
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "--annotators is missing."),
        ("--annotators 0", "--annotators 0: must be a whole number from 1 to 100000."),
        ("--annotators 10 --gpu h1000", "--gpu h1000: must be none, h200, h100, a100, l40s, l4 or a10g."),
        ("--annotators 10 --gups 1", "No such option: --gups"),
    ],
)
def test_a_typo_is_one_sentence(words: str, said: str) -> None:
    result = run(*words.split())
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
