from __future__ import annotations

import json
from pathlib import Path

import pytest

from exports.output_folder import STATE, ExportError, OutputFolder

ASKED = {"--project": 3}


def test_what_grew_after_the_last_save_is_cut_off(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out", ASKED) as first:
        assert not first.resumed
        first.add_line("a.jsonl", {"é": 1})
        first.state["at"] = 5
        first.save()
        first.add_line("a.jsonl", {"b": 2})
        first.add_line("new.jsonl", {"c": 3})
    with OutputFolder(tmp_path / "out", ASKED) as second:
        assert (second.resumed, second.state) == (True, {"at": 5})
        assert [*map(json.loads, second.lines("a.jsonl"))] == [{"é": 1}]
        second.add_line("new.jsonl", {"d": 4})
        assert [*map(json.loads, second.lines("new.jsonl"))] == [{"d": 4}]
        second.remove("new.jsonl")
        second.finish()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.jsonl"]


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out", ASKED) as output:
        with pytest.raises(KeyboardInterrupt):
            _interrupted(output)
        assert [*(tmp_path / "out/deep").iterdir()] == []
        output.write("deep/a.bin", b"whole")
    assert (tmp_path / "out/deep/a.bin").read_bytes() == b"whole"


def _interrupted(output: OutputFolder) -> None:
    with output.new_file("deep/a.bin") as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_one_that_was_interrupted_at_once_goes_on(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out", ASKED) as output:
        output.add_line("a.jsonl", 1)
    with OutputFolder(tmp_path / "out", ASKED) as output:
        assert (output.resumed, [*output.lines("a.jsonl")]) == (True, [])


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(ExportError, match="is not empty, and holds no interrupted export"):
        OutputFolder(tmp_path, ASKED)


def test_a_growing_file_that_is_gone(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out", ASKED) as output:
        output.add_line("a.jsonl", 1)
        output.save()
    (tmp_path / "out/a.jsonl").unlink()
    with pytest.raises(ExportError, match=r"cannot write .*: No such file"):
        OutputFolder(tmp_path / "out", ASKED)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"asked": {}, "lengths": [], "state": 3}'])
def test_a_state_that_is_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / STATE).write_text(content)
    with pytest.raises(ExportError, match=r"is damaged; remove|asked for otherwise"):
        OutputFolder(tmp_path, ASKED)
