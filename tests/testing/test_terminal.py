"""A terminal of commands, and its picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from defusedxml import ElementTree

from testing.terminal import OURS, Terminal, settled

SVG = "{http://www.w3.org/2000/svg}"


def test_of_a_bar_the_last_state_stays() -> None:
    frames = "\x1b[?25ltasks 0/2\r\x1b[2Ktasks 1/2\r\x1b[2Ktasks 2/2\n\x1b[?25h"
    assert settled(f"{frames}done\r\n\n") == "tasks 2/2\ndone"


def test_a_picture_has_what_was_typed_and_what_came_back_and_asks_nobody(tmp_path: Path) -> None:
    terminal = Terminal({}, module="calendar")
    assert "February 2026" in terminal.run(f"{OURS} 2026", "2")
    terminal.picture(tmp_path / "new" / "months.svg")
    text = (tmp_path / "new" / "months.svg").read_text()
    root = ElementTree.fromstring(text)
    said = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text")).replace("\xa0", " ")
    assert re.search(rf"{OURS} 2026\s+February 2026\s+Mo Tu We", said)
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"url\((?!#months-)", text)


def test_a_command_that_fails_is_said() -> None:
    with pytest.raises(AssertionError, match="invalid int value"):
        Terminal({}, module="calendar").run(f"{OURS} nothing")
