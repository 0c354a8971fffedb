"""The keeper with the deployments behind it faked: once per image, whoever asks, and what is urgent first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments.keeper import Keeper
from deployments.meters import Meters
from deployments.options import DecoderOptions
from embeddings.durable import DurableTier
from embeddings.options import DurableOptions
from segmenters.classical.segmenter import Classical
from tests.deployments.fakes import Handle
from values.embedding import Embedding
from values.errors import BadRequest, ImageCorrupt, NotKept, Overloaded
from values.image import ImageSource, ModelSize

A, B = "a" * 40, "b" * 40
SOURCE = ImageSource("/data/upload/3/a.png", project="3", task=1)
MIB = 2**20


class Graph:
    """A fetcher and an encoder; images are encoded when ``gate`` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.fetched: list[tuple[str, ...]] = []
        self.encoded: list[bool] = []
        self.error: Exception | None = None
        self.under_way = 0
        self.meters = Meters()

    def keeper(self, durable: DurableTier | None = None, **options: Any) -> Keeper:
        fetcher, encoder = Handle({"read": self._read}), Handle({"encode": self._encode})
        return Keeper(Classical(), DecoderOptions(**options), durable, fetcher, encoder, self.meters)

    async def _read(self, source: ImageSource, size: ModelSize, *values: str) -> str:
        self.fetched.append((source.value, *values))
        return "pixels"

    async def _encode(self, pixels: Any, urgent: bool) -> Embedding:
        await pixels  # Serve resolves it on the way
        self.encoded.append(urgent)
        self.under_way += 1
        await self.gate.wait()
        self.under_way -= 1
        if self.error is not None:
            raise self.error
        return Embedding({"features": np.zeros(MIB // 4, np.float32)}, "classical-1", 9, 9, 9, 9)


def keys(letters: str) -> list[str]:
    return [letter * 40 for letter in letters]


def tier(place: Path) -> DurableTier:
    return DurableTier(DurableOptions(durable=str(place)), "classical-1")


async def until(there: Callable[[], bool]) -> None:
    while not there():
        await asyncio.sleep(0)


class Noting(Meters):
    """Notes what it reports of the memory tier."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[int, int]] = []

    def memory(self, nbytes: int, images: int) -> None:
        self.said.append((nbytes, images))
        super().memory(nbytes, images)


async def test_what_is_in_memory_is_reported_when_it_changes_and_whenever_asked() -> None:
    graph = Graph()
    graph.meters = meters = Noting()
    keeper = graph.keeper()
    keeper.report()
    for key in (A, A, B):
        await keeper.get(key, SOURCE, [])
    keeper.report()
    assert meters.said == [(0, 0), (MIB, 1), (2 * MIB, 2), (2 * MIB, 2)]


async def test_64_who_ask_at_once_cost_one_fetch_and_one_encode() -> None:
    graph = Graph()
    keeper = graph.keeper()
    embeddings = await asyncio.gather(*(keeper.get(A, SOURCE, []) for _ in range(64)))
    assert len({id(each) for each in embeddings}) == 1
    assert graph.fetched == [(SOURCE.value,)]
    assert graph.encoded == [True]


async def test_what_is_kept_needs_nobody() -> None:
    graph = Graph()
    keeper = graph.keeper()
    await keeper.get(A, SOURCE, [])
    await keeper.get(A, SOURCE, [])
    assert (A in keeper, B in keeper, len(keeper)) == (True, False, 1)
    assert len(graph.encoded) == 1


async def test_a_leaver_takes_it_from_nobody() -> None:
    graph = Graph()
    graph.gate.clear()
    keeper = graph.keeper()
    leaving = asyncio.create_task(keeper.get(A, SOURCE, []))
    staying = asyncio.create_task(keeper.get(A, SOURCE, []))
    await until(lambda: graph.under_way == 1)
    leaving.cancel()
    graph.gate.set()
    assert (await staying).width == 9
    assert len(graph.encoded) == 1


async def test_a_failure_is_everybodys_and_not_remembered() -> None:
    graph = Graph()
    graph.error = ImageCorrupt("damaged")
    keeper = graph.keeper()
    results = await asyncio.gather(*(keeper.get(A, SOURCE, []) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, ImageCorrupt) for each in results)
    graph.error = None
    assert (await keeper.get(A, SOURCE, [])).width == 9


async def test_waiters_are_bounded() -> None:
    graph = Graph()
    graph.gate.clear()
    keeper = graph.keeper(max_waiters=2)
    waiting = [asyncio.create_task(keeper.get(A, SOURCE, [])) for _ in range(2)]
    await until(lambda: graph.under_way == 1)
    with pytest.raises(Overloaded):
        await keeper.get(A, SOURCE, [])
    graph.gate.set()
    await asyncio.gather(*waiting)


async def test_never_more_than_its_bytes() -> None:
    graph = Graph()
    keeper = graph.keeper(cache_mib=2)
    for key in keys("abcd"):
        await keeper.get(key, SOURCE, [])
    assert [key for key in keys("abcd") if key in keeper] == keys("cd")


async def test_float16_keeps_twice_as_many() -> None:
    graph = Graph()
    keeper = graph.keeper(cache_mib=2, cache_precision="float16")
    for key in keys("abcdef"):
        await keeper.get(key, SOURCE, [])
    assert [key for key in keys("abcdef") if key in keeper] == keys("cdef")


async def test_what_is_encoded_ahead_waits_its_turn_and_nobody_waits_for_it() -> None:
    graph = Graph()
    graph.gate.clear()
    keeper = graph.keeper(encode_ahead=2)
    ahead = [asyncio.create_task(keeper.get_ahead(key, SOURCE, [])) for key in keys("abcd")]
    await until(lambda: graph.under_way == 2)
    clicked = asyncio.create_task(keeper.get("d" * 40, SOURCE, []))
    await until(lambda: graph.under_way == 3)
    assert graph.encoded == [False, False, True]
    graph.gate.set()
    await asyncio.gather(*ahead, clicked)
    assert graph.encoded == [False, False, True, False]
    assert all(key in keeper for key in keys("abcd"))


async def test_the_parcel_goes_to_the_fetcher() -> None:
    graph = Graph()
    await graph.keeper().get(A, ImageSource(""), ["a reference"])
    assert graph.fetched == [("", "a reference")]


async def test_after_a_restart_nothing_is_encoded_again(tmp_path: Path) -> None:
    graph = Graph()
    before = graph.keeper(tier(tmp_path))
    first = await before.get(A, SOURCE, [])
    await before.background.drain()
    after = graph.keeper(tier(tmp_path))
    again = await after.get(A, SOURCE, [])
    assert len(graph.encoded) == len(graph.fetched) == 1
    np.testing.assert_array_equal(first.arrays["features"], again.arrays["features"])
    assert A in after


async def test_what_is_stored_takes_no_room_in_memory(tmp_path: Path) -> None:
    graph = Graph()
    keeper = graph.keeper(tier(tmp_path))
    assert await keeper.store(A, SOURCE, []) is False
    assert await keeper.store(A, SOURCE, []) is True
    assert (A in keeper, graph.encoded) == (False, [False])
    await graph.keeper(tier(tmp_path)).get(A, SOURCE, [])
    assert len(graph.encoded) == 1


async def test_a_click_and_storing_the_same_image_share_one_encode(tmp_path: Path) -> None:
    graph = Graph()
    keeper = graph.keeper(tier(tmp_path))
    await asyncio.gather(keeper.store(A, SOURCE, []), keeper.get(A, SOURCE, []))
    await keeper.background.drain()
    assert len(graph.encoded) == 1
    assert await tier(tmp_path).has(A)


async def test_storing_says_what_is_missing(tmp_path: Path) -> None:
    graph = Graph()
    with pytest.raises(BadRequest, match="DURABLE"):
        await graph.keeper().store(A, SOURCE, [])
    (tmp_path / "file").write_text("no folder")
    keeper = graph.keeper(tier(tmp_path / "file"))
    with pytest.raises(NotKept, match="DURABLE"):
        await keeper.store(A, SOURCE, [])
    assert (await keeper.get(B, SOURCE, [])).width == 9
    await keeper.background.drain()


async def test_a_damaged_embedding_is_made_again(tmp_path: Path) -> None:
    graph = Graph()
    keeper = graph.keeper(tier(tmp_path))
    await keeper.store(A, SOURCE, [])
    [file] = tmp_path.rglob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert (await keeper.get(A, SOURCE, [])).width == 9
    await keeper.background.drain()
    assert len(graph.encoded) == 2
