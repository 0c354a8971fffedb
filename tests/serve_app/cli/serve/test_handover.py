"""Where the embeddings of a running instance lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serve_app.cli.serve import handover

DISK = "/dev/vda / ext4 rw 0 0\n"


def config(**args: Any) -> dict[str, Any]:
    return {"applications": [{"args": args}, {}]}


def test_a_folder_of_the_instance(tmp_path: Path) -> None:
    found = handover.variables(config(), {}, tmp_path, DISK)
    assert found == {"HANDOVER": str(tmp_path / "embeddings")}


@pytest.mark.parametrize("name", ["durable", "handover"])
def test_what_is_set_stays(tmp_path: Path, name: str) -> None:
    assert handover.variables(config(**{name: "/kept"}), {}, tmp_path, DISK) == {}
    assert handover.variables(config(), {name.upper(): "/kept"}, tmp_path, DISK) == {}
    assert handover.variables(config(), {name.upper(): ""}, tmp_path, DISK) != {}


def test_memory_is_no_disk(tmp_path: Path) -> None:
    mounts = f"{DISK}tmpfs {tmp_path.parent} tmpfs rw 0 0\n"
    assert handover.variables(config(), {}, tmp_path, mounts) == {}
    assert handover.variables(config(), {}, tmp_path, f"{mounts}/dev/vdb {tmp_path} xfs rw 0 0\n") != {}


def test_a_full_disk_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "ROOM", 2**40)
    assert handover.variables(config(), {}, tmp_path, DISK) == {}
