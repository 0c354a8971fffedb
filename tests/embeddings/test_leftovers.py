"""What killed writers left is removed, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

from obstore.store import LocalStore

from embeddings.durable_location import Folder
from embeddings.leftovers import clear_leftovers
from embeddings.retention import sweep_place
from tests.embeddings.samples import keys
from tests.embeddings.test_retention import DAY_S, KEPT_FOR, NOW, keep, names


async def test_what_killed_writers_left_goes_after_a_day(tmp_path: Path) -> None:
    whole = keep(tmp_path, keys(1)[0], 10)
    for name, age_s in (("#1", 2 * DAY_S), ("#17", 2 * DAY_S), ("#2", DAY_S / 2), ("#x", 2 * DAY_S)):
        path = whole.with_name(whole.name + name)
        path.write_bytes(b"half")
        os.utime(path, (NOW - age_s, NOW - age_s))
    foreign = tmp_path / "fake-1" / "00" / "model.safetensors#1"
    foreign.write_bytes(b"half")
    os.utime(foreign, (0, 0))
    assert await sweep_place(Folder(tmp_path), LocalStore(tmp_path), KEPT_FOR, NOW, timeout_s=60) == 0
    left = {whole.name, whole.name + "#2", whole.name + "#x", "model.safetensors#1"}
    assert names(tmp_path) == left
    assert await clear_leftovers(tmp_path, NOW + DAY_S) == 1
