"""The durable tier in a folder: what was put is there after a restart, and what goes wrong is not raised."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.durable import DurableTier
from embeddings.durable_location import object_name
from embeddings.embedding_file import LARGEST, to_bytes
from embeddings.options import DurableOptions
from tests.embeddings.samples import KEY, SEGMENTER, Watched, contents, keys, sample

NAME = object_name(SEGMENTER, KEY)


async def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    assert await Watched(tmp_path / "new" / "folder").put(KEY, sample())
    tier = Watched(tmp_path / "new" / "folder")
    found = await tier.get(KEY)
    assert found is not None
    assert contents(found) == contents(sample())
    assert await tier.has(KEY)
    assert tier.problems == []
    assert [path.name for path in tmp_path.rglob("*.*")] == [f"{KEY}.safetensors"]
    told = replace(sample(), evidence="of which content")
    assert await tier.put(KEY, told)
    found = await Watched(tmp_path / "new" / "folder").get(KEY)
    assert found is not None
    assert found.evidence == "of which content"


async def test_what_was_not_put_is_missing(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    tier = Watched(tmp_path)
    assert await tier.get(KEY) is None
    assert not await tier.has(KEY)
    assert (tier.problems, log.text) == ([], "")


async def test_putting_again_replaces(tmp_path: Path) -> None:
    tier = Watched(tmp_path)
    for number in range(2):
        assert await tier.put(KEY, sample(number))
    found = await tier.get(KEY)
    assert found is not None
    assert contents(found) == contents(sample(1))


async def test_another_checkpoints_embeddings_are_never_served(tmp_path: Path) -> None:
    assert await Watched(tmp_path).put(KEY, sample())
    other = Watched(tmp_path, "fake-2")
    assert await other.get(KEY) is None
    # Not even from a file that somebody copied.
    shutil.copytree(tmp_path / SEGMENTER, tmp_path / "fake-2")
    assert await other.has(KEY)
    assert await other.get(KEY) is None
    assert other.problems == ["damaged"]
    assert not await other.has(KEY)
    assert await Watched(tmp_path).get(KEY) is not None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "its length is not that of a safetensors file"),
        (to_bytes(KEY, sample())[:-1], "its arrays are not those of an embedding"),
        (to_bytes("f" * 40, sample()), "its key is 'ffff"),
    ],
)
async def test_a_damaged_file_is_missing_and_removed(
    tmp_path: Path, log: pytest.LogCaptureFixture, data: bytes, said: str
) -> None:
    tier = Watched(tmp_path)
    path = tmp_path / NAME
    path.parent.mkdir(parents=True)
    for _ in range(2):
        path.write_bytes(data)
        assert await tier.get(KEY) is None
        assert not path.exists()
    assert tier.problems == ["damaged", "damaged"]
    [record] = log.records
    assert f"an embedding in {tmp_path} is not used (in {NAME}, {said}" in record.getMessage()
    assert await tier.put(KEY, sample())
    assert await tier.get(KEY) is not None


async def test_a_file_larger_than_any_embedding_is_not_read(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    assert await Watched(tmp_path).put(KEY, sample())
    os.truncate(tmp_path / NAME, LARGEST + 1)
    tier = Watched(tmp_path)
    assert await tier.get(KEY) is None
    assert tier.problems == ["damaged"]
    assert "it is larger than any embedding" in log.text
    assert not (tmp_path / NAME).exists()


async def test_two_tiers_on_one_folder(tmp_path: Path) -> None:
    tiers = [Watched(tmp_path) for _ in range(2)]
    allowed = [contents(sample(number, 30_000)) for number in range(8)]
    assert await tiers[0].put(KEY, sample(0, 30_000))
    work: list[Any] = [tier.put(KEY, sample(number, 30_000)) for number in range(8) for tier in tiers]
    work += [tier.get(KEY) for _ in range(16) for tier in tiers]
    for found in (await asyncio.gather(*work))[16:]:
        assert contents(found) in allowed
    assert [tier.problems for tier in tiers] == [[], []]


async def test_other_keys_are_refused(tmp_path: Path) -> None:
    tier = Watched(tmp_path)
    for key in ("../" + "a" * 37, "A" * 40, ""):
        for operation in (tier.get(key), tier.has(key), tier.put(key, sample())):
            with pytest.raises(ValueError, match="40 hex digits"):
                await operation
    assert list(tmp_path.iterdir()) == []


def test_a_tier_needs_a_place_and_a_segmenter_that_names_a_folder() -> None:
    with pytest.raises(ValueError, match="without a place"):
        DurableTier(DurableOptions(), SEGMENTER)
    with pytest.raises(ValueError, match="name of a folder"):
        Watched("/nowhere", "../x")


@pytest.mark.parametrize(
    ("embedding", "said"),
    [
        (replace(sample(), segmenter="fake-2"), "it was made by fake-2 and not by fake-1"),
        (replace(sample(), arrays={"x": np.zeros(3)}), "its array 'x' is of float64, which is not kept"),
    ],
)
async def test_what_cannot_be_kept_is_said_once(
    tmp_path: Path, log: pytest.LogCaptureFixture, embedding: Any, said: str
) -> None:
    tier = Watched(tmp_path)
    for key in keys(3):
        assert not await tier.put(key, embedding)
    assert tier.problems == ["write"] * 3
    [record] = log.records
    assert said in record.getMessage()


async def test_bounds_are_kept_while_writing(tmp_path: Path) -> None:
    size = len(to_bytes(KEY, sample()))
    tier = Watched(tmp_path, durable_gib=3.5 * size / 2**30)
    for number, key in enumerate(keys(8)):
        tier.seconds += 601
        assert await tier.put(key, sample())
        await tier.sweep()
        os.utime(tmp_path / object_name(SEGMENTER, key), (1e9 + number, 1e9 + number))
    assert [await tier.has(key) for key in keys(8)] == [False] * 5 + [True] * 3
    tier.date = 1e9 + 91 * 86_400
    await tier.sweep()
    assert not any([await tier.has(key) for key in keys(8)])
    assert tier.problems == []


async def test_what_is_forgotten_is_gone_for_all(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    tier, other = Watched(tmp_path), Watched(tmp_path)
    first, second = keys(2)
    for key in (first, second):
        assert await tier.put(key, sample())
    assert await other.forget(first) is True
    assert await tier.forget(first) is False
    assert [await tier.get(key) is not None for key in (first, second)] == [False, True]
    assert (tier.problems, other.problems, log.text) == ([], [], "")


async def test_what_other_models_made_is_forgotten_as_well(tmp_path: Path) -> None:
    others = [Watched(tmp_path, f"fake-{number}") for number in (2, 3)]
    (tmp_path / "notes").mkdir()
    for other in others:
        assert await other.put(KEY, replace(sample(), segmenter=other._segmenter))
    assert await Watched(tmp_path).forget(KEY) is True
    assert [await other.has(KEY) for other in others] == [False, False]


async def test_what_cannot_be_forgotten_is_not_said_to_be(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    tier = Watched(tmp_path / "file")
    for _ in range(2):
        assert await tier.forget(KEY) is None
    assert tier.problems == ["forget", "forget"]
    [record] = log.records
    assert "what is to be forgotten may stay" in record.getMessage()


async def settled(tier: Watched) -> None:
    """Wait for what a write began in the background."""
    while begun := [
        task
        for task in (tier._sweeper._schedule._look, tier._sweeper._schedule._task)
        if task and not task.done()
    ]:
        await asyncio.wait(begun)


async def test_writing_starts_a_sweep_a_while_later_and_once_for_all(tmp_path: Path) -> None:
    # Each is larger than the place may be, so that a sweep removes all that is there.
    tiers = [Watched(tmp_path, durable_gib=1e-9) for _ in range(3)]
    for tier, key in zip(tiers, keys(3), strict=True):
        tier.date = time.time()
        assert await tier.put(key, sample())
        await settled(tier)
        assert tier._sweeper._schedule._look is None
    swept = []
    for tier in tiers:
        tier.seconds += 1000
        assert await tier.put(keys(4)[3], sample())
        await settled(tier)
        swept.append([await tier.has(key) for key in keys(4)])
    # The first one removed all; to the others the place was swept just now.
    assert swept == [[False] * 4, [False] * 3 + [True], [False] * 3 + [True]]
    for tier in tiers:
        tier.seconds += 1000
        tier.date += 1000
    assert await tiers[1].put(KEY, sample())
    await settled(tiers[1])
    assert not await tiers[1].has(KEY)
    assert [tier.problems for tier in tiers] == [[], [], []]


async def test_calls_that_hang_in_the_loops_own_threads_hold_up_no_embedding(tmp_path: Path) -> None:
    end = threading.Event()
    with ThreadPoolExecutor(1) as shared:
        asyncio.get_running_loop().set_default_executor(shared)
        hanging = asyncio.get_running_loop().run_in_executor(None, end.wait)
        tier = Watched(tmp_path)
        try:
            assert await tier.put(KEY, sample())
            assert await tier.get(KEY) is not None
        finally:
            end.set()
        await hanging
