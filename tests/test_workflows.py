"""The workflows of GitHub do what .ci/run does, and take no action that somebody could change under them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    return found


def targets_of(target: str) -> set[str]:
    """The targets that a target makes, itself where it makes none."""
    recipe = MAKEFILE.partition(f"\n{target}:")[2].partition("\n\n")[0]
    made = re.findall(r"(?:\$\(MAKE\) --no-print-directory |WAITING=)([\w-]+)", recipe)
    return set().union(*map(targets_of, made)) or {target}


def test_each_target_of_ci_run_is_a_job_and_each_job_is_one() -> None:
    made = re.findall(r"^make ([\w -]+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    wanted = {target for line in made for target in line.split()} - {"installed"}
    assert wanted
    [job] = jobs().values()
    assert set(job["strategy"]["matrix"]["target"]) == set().union(*map(targets_of, wanted))
    assert [step["run"] for step in job["steps"] if "run" in step] == ['make PYTHON="$PYTHON" "$TARGET"']


def test_they_run_on_each_python_that_the_readme_names() -> None:
    [(first, last)] = re.findall(r"Python 3\.(\d+) to 3\.(\d+)", (ROOT / "README.md").read_text())
    [job] = jobs().values()
    assert job["strategy"]["matrix"]["python"] == [f"3.{n}" for n in range(int(first), int(last) + 1)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_each_action_is_pinned_by_its_commit(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), action
