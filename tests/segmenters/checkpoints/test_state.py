from __future__ import annotations

from pathlib import Path

from segmenters.checkpoints.state import State, state_of


def test_states(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    assert state_of(file, 3) is State.MISSING
    file.write_bytes(b"abc")
    assert state_of(file, 3) is State.ON_DISK
    assert state_of(file, 4) is State.DAMAGED
    assert state_of(file / "inside", 3) is State.MISSING
    assert state_of(tmp_path, tmp_path.stat().st_size) is State.DAMAGED
