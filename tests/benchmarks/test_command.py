from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import command
from values.errors import ModelError


def test_the_figures_become_a_file_and_the_folder_is_gone(tmp_path: Path) -> None:
    file, folders = tmp_path / "figures.json", []

    def measure(folder: Path) -> dict[str, int]:
        folders.append(folder)
        assert folder.is_dir()
        assert file.exists()  # it can be written
        return {"ms": 3}

    command.run(measure, file)
    assert json.loads(file.read_text()) == {"ms": 3}
    assert not folders[0].exists()
    command.run(measure, file, keep=tmp_path / "kept")
    assert folders[1] == tmp_path / "kept"
    assert folders[1].is_dir()


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"cannot use .*/none/figures\.json: No such file"):
        command.run(lambda folder: pytest.fail("measured"), tmp_path / "none" / "figures.json")


@pytest.mark.parametrize("error", [ModelError("no such model"), ValueError("no such model")])
def test_what_cannot_be_measured_is_a_sentence(error: Exception) -> None:
    def measure(folder: Path) -> None:
        raise error

    with pytest.raises(SystemExit, match="no such model"):
        command.run(measure, None)
