"""docs/migrating.md: what each row of its tables says is so; tests/test_docs.py looks at its commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from segmenters.model_names import wanted
from segmenters.options import ModelOptions
from serve_app.settings import Settings
from tests.cluster.schema_check import said

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "migrating.md").read_text()
NAMES_A_MODEL = {"model", "sam_choice", "sam2_config"}
RUNS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:make |python -m serve_app |docker compose )")


def rows(heading: str) -> list[tuple[str, str]]:
    """What the first two columns hold as code, below a heading."""
    table = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1:] for line in table.splitlines() if line.startswith("| `")]
    return [(_code(row[0]), _code(row[1])) for row in cells]


def _code(cell: str) -> str:
    found = re.search(r"`([^`]*)`", cell)
    return found[1] if found else ""


def _settings(monkeypatch: pytest.MonkeyPatch, variables: str) -> tuple[dict[str, object], str]:
    """All that the variables set but which model serves, and the model."""
    with monkeypatch.context() as environment:
        for pair in variables.split():
            environment.setenv(*pair.split("=", 1))
        settings = Settings()
    return settings.model_dump(exclude=NAMES_A_MODEL), wanted(settings.part(ModelOptions))


@pytest.mark.parametrize(("theirs", "ours"), rows("Variables"))
def test_a_variable_of_the_examples_means_what_the_page_says(
    theirs: str, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    meant = _settings(monkeypatch, theirs)
    assert meant == _settings(monkeypatch, ours)
    assert (meant == _settings(monkeypatch, "")) is not bool(ours), (
        "a row without a name of ours has no effect"
    )


@pytest.mark.parametrize(("theirs", "ours"), rows("Commands"))
def test_a_command_of_the_examples_has_one_here(theirs: str, ours: str) -> None:
    if not ours:
        assert "/health" in theirs
        return
    assert RUNS.match(ours)
    words = shlex.split(ours)
    files = [words[index + 1] for index, word in enumerate(words) if word == "-f"]
    services = [yaml.safe_load((ROOT / file).read_text())["services"] for file in files]
    assert all("backend" in each for each in services)


GUIDE: dict[str, dict[str, Any]] = {
    "label-studio": {"image": "heartexlabs/label-studio:latest", "ports": ["8080:8080"]},
    "sam": {
        "image": "heartexlabs/label-studio-ml-backend:sam-master",
        "build": {"context": "."},
        "command": "./start.sh",
        "deploy": {"resources": {"limits": {"memory": "8G"}}},
        "environment": ["SAM_CHOICE=MobileSAM", "WORKERS=1", "THREADS=8", "LABEL_STUDIO_HOST=http://ls:8080"],
        "ports": ["9090:9090"],
        "volumes": ["./data/server:/data"],
    },
}
"""The services of a compose file as people write them around the example."""


def test_a_compose_file_from_elsewhere_becomes_one_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = PAGE.partition("\n## A compose file from elsewhere\n")[2]
    given = yaml.safe_load(section.partition("```yaml\n")[2].partition("```")[0])
    replaced = re.findall("`([a-z]+):`", section.partition("in place of")[2].partition("```")[0])
    sam = {key: value for key, value in GUIDE["sam"].items() if key not in replaced} | given
    assert set(sam) == {*given, "environment", "ports", "volumes"}
    ours = yaml.safe_load((ROOT / "cluster" / "compose.yaml").read_text())["services"]["backend"]
    given["build"]["context"] = ours["build"]["context"]  # the reader's clone
    assert {key: ours[key] for key in given} == given
    file = tmp_path / "docker-compose.yml"
    file.write_text(yaml.safe_dump({"services": {**GUIDE, "sam": sam}}))
    assert said(ROOT / "cluster" / "compose.yaml", file) == ""
    assert _settings(monkeypatch, " ".join(GUIDE["sam"]["environment"]))[1] == "mobile_sam"


def test_the_tables_are_read() -> None:
    assert ("SAM_CHOICE=MobileSAM", "MODEL=mobile_sam") in rows("Variables")
    assert len(rows("Variables")) > 15
    assert len(rows("Commands")) > 10
