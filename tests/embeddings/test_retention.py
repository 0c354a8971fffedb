"""A place stays within its bounds: the old go first, and nothing goes that is no embedding."""

from __future__ import annotations

import asyncio
import os
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore

from embeddings import retention
from embeddings.ages import OLDEST
from embeddings.durable_location import object_name
from embeddings.retention import Bounds, sweep
from tests.embeddings.samples import as_nobody, keys

NOW = 1e9
DAY_S = 86_400.0
KEPT_FOR = Bounds(10**9, 90 * DAY_S)


def keep(folder: Path, key: str, age_s: float, nbytes: int = 10, segmenter: str = "fake-1") -> Path:
    path = folder / object_name(segmenter, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(nbytes))
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


class Listed:
    """A store that lists so many embeddings, made as they are asked for, and forgets those removed."""

    PREFIXES = 16

    def __init__(self, count: int, nbytes: int) -> None:
        self.count = count
        self.nbytes = nbytes
        self.removed: set[int] = set()
        self.lists = 0

    async def list_with_delimiter_async(self, store: object, folder: str = "") -> dict[str, list[str]]:
        if not folder:
            self.lists += 1
            return {"common_prefixes": ["fake-1", "sweeper"]}
        found = [f"fake-1/{number:02x}" for number in range(self.PREFIXES)] if folder == "fake-1" else []
        return {"common_prefixes": found}

    def list(self, store: object, prefix: str, chunk_size: int) -> AsyncIterator[Sequence[Any]]:
        return self._pages(int(prefix[-2:], 16), chunk_size)

    async def _pages(self, prefix: int, size: int) -> AsyncIterator[Sequence[Any]]:
        numbers = range(prefix, self.count, self.PREFIXES)
        for start in range(0, len(numbers), size):
            page = numbers[start : start + size]
            yield [self._meta(number) for number in page if number not in self.removed]

    def _meta(self, number: int) -> dict[str, Any]:
        # Names are in another order than ages.
        written = NOW - self.age(number)
        path = object_name("fake-1", f"{number % self.PREFIXES:02x}{number:038x}")
        return {"path": path, "size": self.nbytes, "last_modified": datetime.fromtimestamp(written, UTC)}

    def age(self, number: int) -> float:
        return float(number * 7919 % self.count)

    async def delete_async(self, store: object, name: str) -> None:
        self.removed.add(int(Path(name).stem[2:], 16))


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Listed:
    store = Listed(100_000, 10)
    monkeypatch.setattr(retention, "obstore", store)
    return store


@pytest.mark.slow
async def test_a_large_place_takes_little_memory(listed: Listed) -> None:
    store: Any = listed
    fits = 10 * (listed.count - 1000)
    tracemalloc.start()
    try:
        assert await sweep(store, Bounds(fits, 90 * DAY_S), NOW, timeout_s=60) == 1000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20
    assert listed.removed == {n for n in range(listed.count) if listed.age(n) >= listed.count - 1000}
    assert listed.lists == 1


@pytest.mark.slow
async def test_the_oldest_go_however_many_are_too_much(listed: Listed) -> None:
    store: Any = listed
    gone = 5 * OLDEST + 17
    assert await sweep(store, Bounds(10 * (listed.count - gone), 90 * DAY_S), NOW, timeout_s=60) == gone
    assert listed.removed == {n for n in range(listed.count) if listed.age(n) >= listed.count - gone}
    assert listed.lists == 2


@pytest.mark.slow
async def test_however_many_are_too_old_go_at_once(listed: Listed) -> None:
    store: Any = listed
    assert await sweep(store, Bounds(10**12, listed.count / 2), NOW, timeout_s=60) == listed.count // 2 - 1
    assert listed.lists == 1


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def swept(folder: Path, bounds: Bounds) -> int:
    return await sweep(LocalStore(folder), bounds, NOW, timeout_s=60)


async def test_what_is_too_old_goes(tmp_path: Path) -> None:
    paths = [keep(tmp_path, key, age * DAY_S) for age, key in zip((0, 89, 91, 400), keys(4), strict=True)]
    assert await swept(tmp_path, KEPT_FOR) == 2
    assert [path.exists() for path in paths] == [True, True, False, False]
    assert await swept(tmp_path, KEPT_FOR) == 0


async def test_the_oldest_go_until_the_rest_fits_whoever_made_them(tmp_path: Path) -> None:
    ages = {key: 60.0 * (7 * number % 50) for number, key in enumerate(keys(50))}
    for key, age_s in ages.items():
        keep(tmp_path, key, age_s, segmenter=f"fake-{key[0]}")
    assert await swept(tmp_path, Bounds(max_bytes=123, max_age_s=90 * DAY_S)) == 38
    youngest = sorted(ages, key=lambda key: ages[key])[:12]
    assert names(tmp_path) == {f"{key}.safetensors" for key in youngest}


async def test_exactly_full_is_not_too_full(tmp_path: Path) -> None:
    for key in keys(5):
        keep(tmp_path, key, 0)
    assert await swept(tmp_path, Bounds(50, DAY_S)) == 0
    assert await swept(tmp_path, Bounds(49, DAY_S)) == 1


async def test_nothing_else_is_counted_or_removed(tmp_path: Path) -> None:
    [key] = keys(1)
    others = [
        tmp_path / "notes.txt",
        tmp_path / "fake-1" / "00" / "model.safetensors",
        tmp_path / "fake-1" / "01" / f"{key}.safetensors",
        tmp_path / "deep" / "fake-1" / "00" / f"{key}.safetensors",
    ]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
        os.utime(path, (0, 0))
    mine = keep(tmp_path, key, 1)
    assert await swept(tmp_path, Bounds(100, DAY_S)) == 0
    assert mine.exists()
    assert all(path.exists() for path in others)


@pytest.mark.slow
async def test_several_sweep_at_once(tmp_path: Path) -> None:
    for number, key in enumerate(keys(200)):
        keep(tmp_path, key, number)
    counts = await asyncio.gather(*(swept(tmp_path, Bounds(1000, DAY_S)) for _ in range(4)))
    assert sum(counts) == 100
    assert names(tmp_path) == {f"{key}.safetensors" for key in keys(100)}


async def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "gone", mkdir=True)
    (tmp_path / "gone").rmdir()
    assert await sweep(store, KEPT_FOR, NOW, timeout_s=60) == 0


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """One that any user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


async def test_one_that_cannot_be_removed_keeps_no_other_from_it(public_folder: Path) -> None:
    paths = [keep(public_folder, key, 100 * DAY_S) for key in keys(40)]
    paths[0].parent.chmod(0o555)
    for path in paths[1:]:
        path.parent.chmod(0o777)
    with as_nobody(), pytest.raises(Exception, match="Permission denied"):
        await swept(public_folder, KEPT_FOR)
    assert [path.exists() for path in paths] == [True] + [False] * 39
