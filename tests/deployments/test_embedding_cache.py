"""The cache with the deployments behind it faked: once per image, whoever asks, and what is urgent first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concurrency import background
from deployments import embedding_cache as keeper_module
from deployments import embedding_maker
from deployments.calls.large_values import Reference, ReferenceLost
from deployments.calls.neighbours import Neighbours
from deployments.embedding_cache import EmbeddingCache
from deployments.metrics import Metrics
from deployments.options import DecoderOptions
from embeddings.durable import DurableTier
from embeddings.options import DurableOptions
from segmenters.classical.segmenter import Classical
from testing.deployment_fakes import Handle
from values.embedding import Embedding
from values.errors import BadRequest, DeadlineExceeded, ImageCorrupt, NotKept, OtherVersion, Overloaded
from values.image import ImageSource, ModelSize
from values.priority import Priority

A, B = "a" * 40, "b" * 40
SOURCE = ImageSource("/data/upload/3/a.png", project="3", task=1)
MIB = 2**20


class Graph:
    """A fetcher and an encoder; images are encoded when ``admission`` is open."""

    def __init__(self) -> None:
        self.admission = asyncio.Event()
        self.admission.set()
        self.fetched: list[tuple[str, ...]] = []
        self.encoded: list[Priority] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.evidence = ""
        self.asked = 0
        self.version = "classical-3"
        self.error: Exception | None = None
        self.stays = True
        self.under_way = 0
        self.metrics = Metrics()

    def cache(
        self,
        durable: DurableTier | None = None,
        lasting: bool = True,
        neighbours: Neighbours | None = None,
        **options: Any,
    ) -> EmbeddingCache:
        fetcher = Handle({"read": self._read, "evidence": self._evidence})
        encoder = Handle({"encode": self._encode})
        return EmbeddingCache(
            Classical(),
            DecoderOptions(**options),
            durable,
            fetcher,
            encoder,
            self.metrics,
            lasting=lasting,
            neighbours=neighbours,
        )

    async def _read(
        self,
        key: str,
        source: ImageSource,
        size: ModelSize,
        priority: Priority,
        left_s: float,
        *values: str,
    ) -> Reference:
        self.fetched.append((source.value, *values))
        await self.reading.wait()
        return [self.evidence]

    async def _evidence(self, source: ImageSource, *values: str) -> str:
        self.asked += 1
        return self.evidence

    async def _encode(self, key: str, pixels: Reference, priority: Priority, version: str) -> Embedding:
        self.encoded.append(priority)
        self.under_way += 1
        await self.admission.wait()
        self.under_way -= 1
        if self.error is not None:
            error, self.error = self.error, self.error if self.stays else None
            raise error
        features = np.zeros(MIB // 4, np.float32)
        return Embedding({"features": features}, self.version, 9, 9, 9, 9, evidence=pixels[0])


async def click(
    cache: EmbeddingCache, key: str = A, reference: Reference | None = None, left_s: float = 60
) -> Embedding:
    source = SOURCE if reference is None else ImageSource("")
    return await cache.get(key, source, reference or [], Priority.CLICK, left_s)


async def warm(cache: EmbeddingCache, key: str, priority: Priority = Priority.NEXT) -> bool:
    return await cache.renew(key, SOURCE, [], priority, 60)


async def store(cache: EmbeddingCache, key: str = A) -> bool:
    return await cache.store(key, SOURCE, [], 60)


def keys(letters: str) -> list[str]:
    return [letter * 40 for letter in letters]


def tier(place: Path) -> DurableTier:
    return DurableTier(DurableOptions(durable=str(place)), "classical-3")


async def until(there: Callable[[], bool]) -> None:
    while not there():
        await asyncio.sleep(0)


class Noting(Metrics):
    """Notes what it reports of the memory tier."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[int, int]] = []

    def memory(self, nbytes: int, images: int, limit: int) -> None:
        self.said.append((nbytes, images))
        super().memory(nbytes, images, limit)


async def test_what_is_in_memory_is_reported_when_it_changes_and_whenever_asked() -> None:
    graph = Graph()
    graph.metrics = metrics = Noting()
    cache = graph.cache()
    cache.report()
    for key in (A, A, B):
        await click(cache, key)
    cache.report()
    assert metrics.said == [(0, 0), (MIB, 1), (2 * MIB, 2), (2 * MIB, 2)]


async def test_64_who_ask_at_once_cost_one_fetch_and_one_encode() -> None:
    graph = Graph()
    cache = graph.cache()
    embeddings = await asyncio.gather(*(click(cache) for _ in range(64)))
    assert len({id(each) for each in embeddings}) == 1
    assert graph.fetched == [(SOURCE.value,)]
    assert graph.encoded == [Priority.CLICK]


async def test_what_is_kept_needs_nobody() -> None:
    graph = Graph()
    cache = graph.cache()
    await click(cache)
    await click(cache)
    assert (A in cache, B in cache, len(cache)) == (True, False, 1)
    assert len(graph.encoded) == 1


async def test_a_leaver_takes_it_from_nobody() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache()
    leaving = asyncio.create_task(click(cache))
    staying = asyncio.create_task(click(cache))
    await until(lambda: graph.under_way == 1)
    leaving.cancel()
    graph.admission.set()
    assert (await staying).width == 9
    assert len(graph.encoded) == 1


async def test_a_failure_is_everybodys_and_not_remembered() -> None:
    graph = Graph()
    graph.error = ImageCorrupt("damaged")
    cache = graph.cache()
    results = await asyncio.gather(*(click(cache) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, ImageCorrupt) for each in results)
    graph.error = None
    assert (await click(cache)).width == 9


async def test_waiters_are_bounded() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache(max_waiters=2)
    waiting = [asyncio.create_task(click(cache)) for _ in range(2)]
    await until(lambda: graph.under_way == 1)
    with pytest.raises(Overloaded):
        await click(cache)
    graph.admission.set()
    await asyncio.gather(*waiting)


async def test_never_more_than_its_bytes() -> None:
    graph = Graph()
    cache = graph.cache(cache_mib=2)
    for key in keys("abcd"):
        await click(cache, key)
    assert [key for key in keys("abcd") if key in cache] == keys("cd")


async def test_float16_keeps_twice_as_many() -> None:
    graph = Graph()
    cache = graph.cache(cache_mib=2, cache_precision="float16")
    for key in keys("abcdef"):
        await click(cache, key)
    assert [key for key in keys("abcdef") if key in cache] == keys("cdef")


async def test_what_is_encoded_ahead_waits_its_turn_and_nobody_waits_for_it() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache(encode_ahead=2)
    ahead = [asyncio.create_task(warm(cache, key)) for key in keys("abcd")]
    await until(lambda: graph.under_way == 2)
    clicked = asyncio.create_task(click(cache, "d" * 40))
    await until(lambda: graph.under_way == 3)
    assert graph.encoded == [Priority.NEXT, Priority.NEXT, Priority.CLICK]
    graph.admission.set()
    await asyncio.gather(*ahead, clicked)
    assert graph.encoded == [Priority.NEXT, Priority.NEXT, Priority.CLICK, Priority.NEXT]
    assert all(key in cache for key in keys("abcd"))


async def test_the_parcel_goes_to_the_fetcher() -> None:
    graph = Graph()
    await click(graph.cache(), reference=["a reference"])
    assert graph.fetched == [("", "a reference")]


@pytest.mark.slow
async def test_after_a_restart_nothing_is_encoded_again(tmp_path: Path) -> None:
    graph = Graph()
    before = graph.cache(tier(tmp_path))
    first = await click(before)
    await before.background.drain()
    after = graph.cache(tier(tmp_path))
    again = await click(after)
    assert len(graph.encoded) == len(graph.fetched) == 1
    np.testing.assert_array_equal(first.arrays["features"], again.arrays["features"])
    assert A in after


async def test_what_is_stored_takes_no_room_in_memory(tmp_path: Path) -> None:
    graph = Graph()
    cache = graph.cache(tier(tmp_path))
    assert await store(cache) is False
    assert await store(cache) is True
    assert (A in cache, graph.encoded) == (False, [Priority.LATER])
    await click(graph.cache(tier(tmp_path)))
    assert len(graph.encoded) == 1


async def test_a_click_and_storing_the_same_image_share_one_encode(tmp_path: Path) -> None:
    graph = Graph()
    cache = graph.cache(tier(tmp_path))
    await asyncio.gather(store(cache), click(cache))
    await cache.background.drain()
    assert len(graph.encoded) == 1
    assert await tier(tmp_path).has(A)


async def test_storing_says_what_is_missing(tmp_path: Path) -> None:
    graph = Graph()
    with pytest.raises(BadRequest, match="DURABLE"):
        await store(graph.cache())
    (tmp_path / "file").write_text("no folder")
    cache = graph.cache(tier(tmp_path / "file"))
    with pytest.raises(NotKept, match="DURABLE"):
        await store(cache)
    assert (await click(cache, B)).width == 9
    await cache.background.drain()


async def test_a_damaged_embedding_is_made_again(tmp_path: Path) -> None:
    graph = Graph()
    cache = graph.cache(tier(tmp_path))
    await store(cache)
    [file] = tmp_path.rglob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert (await click(cache)).width == 9
    await cache.background.drain()
    assert len(graph.encoded) == 2


async def test_a_click_that_joins_an_image_on_its_way_makes_it_urgent() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache()
    ahead = asyncio.create_task(warm(cache, A))
    await until(lambda: graph.under_way == 1)
    clicked = asyncio.create_task(click(cache))
    await until(lambda: graph.under_way == 2)
    assert graph.encoded == [Priority.NEXT, Priority.CLICK]
    graph.admission.set()
    await asyncio.gather(ahead, clicked)
    assert len(graph.fetched) == 1


async def test_a_click_that_joins_an_image_without_a_place_needs_none() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache(encode_ahead=1)
    ahead = [asyncio.create_task(warm(cache, key)) for key in (A, B)]
    await until(lambda: graph.under_way == 1)
    clicked = asyncio.create_task(click(cache, B))
    await until(lambda: graph.under_way == 2)
    graph.admission.set()
    await asyncio.gather(*ahead, clicked)
    assert graph.encoded == [Priority.NEXT, Priority.CLICK]


async def test_images_that_do_not_arrive_keep_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PATIENCE_S", 0.01)
    graph = Graph()
    graph.reading.clear()
    cache = graph.cache(encode_ahead=1)
    stuck = [asyncio.create_task(warm(cache, key)) for key in (A, B)]
    await until(lambda: len(graph.fetched) == 2)
    graph.reading.set()
    await asyncio.gather(*stuck)
    assert all(key in cache for key in (A, B))


async def test_what_is_made_is_kept_though_everybody_has_left() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache()
    leaving = asyncio.create_task(click(cache))
    await until(lambda: graph.under_way == 1)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    graph.admission.set()
    await until(lambda: A in cache)
    await click(cache)
    assert len(graph.encoded) == len(graph.fetched) * 2 == 2  # once as a click, once as nobody's


async def test_a_joiner_has_a_deadline_of_its_own() -> None:
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache()
    first = asyncio.create_task(click(cache, left_s=0.05))
    await until(lambda: graph.under_way == 1)
    second = asyncio.create_task(click(cache))
    with pytest.raises(DeadlineExceeded, match=r"0\.05 s"):
        await first
    graph.admission.set()
    assert (await second).width == 9
    assert len(graph.encoded) == 1


async def test_what_nobody_waits_for_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "WAITING", 2)
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache()
    sources = (replace(SOURCE, project=project) for project in "12")
    waiting = [
        asyncio.create_task(cache.renew(key, source, [], Priority.NEXT, 60))
        for key, source in zip(keys("cd"), sources, strict=True)
    ]
    await until(lambda: graph.under_way == 2)
    with pytest.raises(Overloaded, match="2 images wait to be encoded ahead"):
        await warm(cache, A)
    clicked = asyncio.create_task(click(cache, B))
    await until(lambda: graph.under_way == 3)
    graph.admission.set()
    await asyncio.gather(*waiting, clicked)


async def test_pixels_that_died_with_their_fetcher_are_read_again() -> None:
    graph = Graph()
    graph.error, graph.stays = ReferenceLost(), False
    assert (await click(graph.cache())).width == 9
    assert len(graph.fetched) == 2


async def test_an_embedding_of_another_version_is_neither_kept_nor_answered() -> None:
    graph = Graph()
    graph.version = "another-1"
    cache = graph.cache()
    with pytest.raises(OtherVersion, match="another-1"):
        await click(cache)
    assert A not in cache
    graph.version = "classical-3"
    assert (await click(cache)).segmenter == "classical-3"


async def test_encoders_of_another_version_are_asked_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = Graph()
    graph.error, graph.stays = OtherVersion("the old one"), False
    assert (await click(graph.cache())).width == 9
    assert len(graph.encoded) == 2
    monkeypatch.setattr(embedding_maker, "OTHER_VERSION_S", 0.0)
    graph.error, graph.stays = OtherVersion("the old one"), True
    with pytest.raises(OtherVersion):
        await click(graph.cache())


async def test_a_replaced_picture_is_another_picture() -> None:
    graph = Graph()
    graph.evidence = "etag 1"
    cache = graph.cache(recheck_s=0.001)
    await click(cache)
    graph.evidence = "etag 2"
    await asyncio.sleep(0.002)
    assert (await click(cache)).evidence == "etag 1"  # a warm click waits for nobody
    await cache.recheck.background.drain()
    assert (await click(cache)).evidence == "etag 2"
    assert len(graph.encoded) == 2


async def test_an_opened_task_asks_first() -> None:
    graph = Graph()
    graph.evidence = "etag 1"
    cache = graph.cache(recheck_s=0.001)
    await click(cache)
    graph.evidence = "etag 2"
    await asyncio.sleep(0.002)
    assert await warm(cache, A, Priority.OPENED) is False
    assert (await click(cache)).evidence == "etag 2"


async def test_it_is_not_asked_more_often_than_the_setting_says() -> None:
    graph = Graph()
    graph.evidence = "etag 1"
    often, never = graph.cache(recheck_s=3600), graph.cache(recheck_s=0)
    for cache in (often, never):
        for _ in range(3):
            await click(cache)
            await warm(cache, A)
        await cache.recheck.background.drain()
    assert graph.asked == 0


async def test_a_stored_embedding_of_a_replaced_picture_is_not_used(tmp_path: Path) -> None:
    graph = Graph()
    graph.evidence = "etag 1"
    await store(graph.cache(tier(tmp_path)))
    same = graph.cache(tier(tmp_path))
    assert (await click(same)).evidence == "etag 1"
    assert len(graph.encoded) == 1
    graph.evidence = "etag 2"
    cache = graph.cache(tier(tmp_path))
    assert (await click(cache)).evidence == "etag 2"
    await cache.background.drain()
    found = await tier(tmp_path).get(A)
    assert found is not None
    assert found.evidence == "etag 2"


async def test_a_forgotten_image_is_in_no_tier(tmp_path: Path) -> None:
    graph = Graph()
    cache = graph.cache(tier(tmp_path))
    await click(cache)
    await cache.background.drain()
    assert await cache.forget(A) is True
    assert (A in cache, await tier(tmp_path).has(A), await cache.forget(A)) == (False, False, False)


async def test_what_cannot_be_forgotten_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = Graph().cache(tier(tmp_path / "file"))
    with pytest.raises(NotKept, match="cannot be removed from DURABLE"):
        await cache.forget(A)


async def test_what_nobody_waits_for_is_sent_again_after_a_refusal_and_a_click_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedding_maker, "REFUSED_S", 0.001)
    graph = Graph()
    cache = graph.cache()
    graph.error, graph.stays = Overloaded("much of that waits"), False
    assert await warm(cache, A) is False
    assert len(graph.encoded) == 2
    graph.error = Overloaded("even for clicks")
    with pytest.raises(Overloaded, match="even for clicks"):
        await click(cache, B)


async def test_what_is_refused_is_not_sent_again_when_everybody_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedding_maker, "REFUSED_S", 0.001)
    graph = Graph()
    cache = graph.cache()
    graph.error = Overloaded("much of that waits")
    graph.reading.clear()
    leaves = asyncio.create_task(click(cache, A))
    await until(lambda: bool(graph.fetched))
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    graph.reading.set()
    await until(lambda: A not in cache._flights)
    assert graph.encoded == [Priority.LATER]


async def test_a_project_with_much_that_waits_leaves_room_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper_module, "WAITING", 4)
    graph = Graph()
    graph.admission.clear()
    cache = graph.cache(encode_ahead=4)
    waiting = [asyncio.create_task(warm(cache, key)) for key in keys("cd")]
    await until(lambda: graph.under_way == 2)
    with pytest.raises(Overloaded, match="2 images of project '3' wait to be encoded ahead"):
        await warm(cache, A)
    other = ImageSource("a.png", project="another")
    waiting.append(asyncio.create_task(cache.renew(A, other, [], Priority.NEXT, 60)))
    await until(lambda: graph.under_way == 3)
    graph.admission.set()
    await asyncio.gather(*waiting)


async def test_a_handover_is_used_and_nothing_is_stored_in_it_for_later(tmp_path: Path) -> None:
    graph = Graph()
    cache = graph.cache(tier(tmp_path), lasting=False)
    with pytest.raises(BadRequest, match="DURABLE"):
        await store(cache)
    await click(cache)
    await cache.background.drain()
    await click(graph.cache(tier(tmp_path), lasting=False))
    assert len(graph.encoded) == 1


async def test_what_cannot_be_removed_of_a_replaced_picture_is_not_used_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(self: DurableTier, key: str) -> None:
        return None

    graph = Graph()
    graph.evidence = "etag 1"
    cache = graph.cache(tier(tmp_path), recheck_s=0.001)
    await click(cache)
    await cache.background.drain()
    monkeypatch.setattr(DurableTier, "forget", refused)
    graph.evidence = "etag 2"
    await asyncio.sleep(0.002)
    await warm(cache, A, Priority.OPENED)
    assert (await click(cache)).evidence == "etag 2"
    await cache.background.drain()
    found = await tier(tmp_path).get(A)
    assert found is not None
    assert found.evidence == "etag 2"


class Earlier:
    """The decoder that owned all images before, as the one that owns them now sees it."""

    def __init__(self, cache: EmbeddingCache) -> None:
        self.cache = cache
        self.asked = 0

    async def take(self, key: str, version: str) -> Embedding | None:
        self.asked += 1
        return self.cache.let_go(key)

    async def forget(self, key: str) -> bool:
        return self.cache.let_go(key) is not None

    def count(self) -> int:
        return 2

    def heir(self, key: str) -> str | None:
        return "the one who stays"

    async def give(self, heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        return await self.cache.take_in(key, embedding, room_only=room_only)


async def test_what_an_earlier_owner_has_is_taken_over_once_and_not_encoded() -> None:
    graph = Graph()
    earlier = Earlier(graph.cache())
    before = await click(earlier.cache)
    now = graph.cache(neighbours=earlier)
    taken = await asyncio.gather(*(click(now) for _ in range(8)))
    assert len({id(each) for each in taken}) == earlier.asked == len(graph.encoded) == 1
    np.testing.assert_array_equal(taken[0].arrays["features"], before.arrays["features"])
    assert (A in now, A in earlier.cache) == (True, False)
    await click(now)
    assert earlier.asked == 1


async def test_what_is_taken_over_is_kept_even_if_it_was_only_to_be_stored(tmp_path: Path) -> None:
    graph = Graph()
    earlier = Earlier(graph.cache())
    await click(earlier.cache)
    now = graph.cache(tier(tmp_path), neighbours=earlier)
    assert await store(now) is False
    assert (A in now, await tier(tmp_path).has(A), len(graph.encoded)) == (True, True, 1)


async def test_what_an_earlier_owner_has_not_is_encoded() -> None:
    graph = Graph()
    earlier = Earlier(graph.cache())
    await click(graph.cache(neighbours=earlier))
    assert (earlier.asked, len(graph.encoded)) == (1, 1)


async def test_a_picture_that_was_replaced_is_not_taken_over_for_good() -> None:
    graph = Graph()
    graph.evidence = "etag 1"
    earlier = Earlier(graph.cache())
    await click(earlier.cache)
    graph.evidence = "etag 2"
    now = graph.cache(neighbours=earlier, recheck_s=60)
    assert (await click(now)).evidence == "etag 1"
    await click(now)
    await now.recheck.background.drain()
    assert (await click(now)).evidence == "etag 2"


async def test_what_is_forgotten_is_forgotten_by_earlier_owners_too() -> None:
    graph = Graph()
    earlier = Earlier(graph.cache())
    await click(earlier.cache)
    now = graph.cache(neighbours=earlier)
    assert await now.forget(A) is True
    assert (A in earlier.cache, await now.forget(A)) == (False, False)


async def test_what_is_used_once_takes_no_room_in_memory() -> None:
    graph = Graph()
    cache = graph.cache()
    assert (await cache.use(A, SOURCE, [], Priority.LATER, 60)).segmenter == "classical-3"
    assert A not in cache
    assert graph.encoded == [Priority.LATER]


async def test_what_is_in_memory_is_used_unless_the_picture_was_replaced() -> None:
    graph = Graph()
    graph.evidence = "one"
    cache = graph.cache(recheck_s=0.001)
    await cache.get(A, SOURCE, [], Priority.CLICK, 60)
    await cache.use(A, SOURCE, [], Priority.LATER, 60)
    assert graph.encoded == [Priority.CLICK]
    graph.evidence = "two"
    await asyncio.sleep(0.002)
    assert (await cache.use(A, SOURCE, [], Priority.LATER, 60)).evidence == "two"
    assert A not in cache


async def test_what_one_that_is_stopped_has_is_with_who_stays() -> None:
    graph = Graph()
    stays = graph.cache()
    leaves = graph.cache(neighbours=Earlier(stays))
    for key in keys("ab"):
        await click(leaves, key)
    assert await leaves.leave() == 2
    await click(stays)
    assert len(graph.encoded) == 2


async def test_nothing_is_handed_over_that_lasts(tmp_path: Path) -> None:
    graph = Graph()
    stays = graph.cache()
    lasting = graph.cache(tier(tmp_path), neighbours=Earlier(stays))
    await click(lasting)
    assert await lasting.leave() == 0
    await lasting.background.drain()
    passing = graph.cache(tier(tmp_path), lasting=False, neighbours=Earlier(stays))
    await click(passing)
    assert await passing.leave() == 1
    assert len(stays) == 1


async def test_who_stays_keeps_what_it_has_where_only_room_is_asked_for() -> None:
    graph = Graph()
    stays = graph.cache(cache_mib=1)
    own, others = await click(stays), await click(graph.cache(), B)
    assert not await stays.take_in(B, others, room_only=True)
    assert (A in stays, B in stays) == (True, False)
    assert await stays.take_in(A, others, room_only=False), "it has one"
    assert await click(stays) is own
    assert await stays.take_in(B, others, room_only=False)
    assert (A in stays, B in stays) == (False, True)


@pytest.mark.parametrize("forget", [EmbeddingCache.forget, EmbeddingCache.forget_here])
async def test_what_was_forgotten_does_not_come_back_from_one_that_is_stopped(forget: Any) -> None:
    graph = Graph()
    stays, leaves = graph.cache(), graph.cache()
    embedding = await click(leaves)
    forgotten = forget(stays, A)
    if asyncio.iscoroutine(forgotten):
        await forgotten
    assert await stays.take_in(A, embedding, room_only=False)
    assert A not in stays


async def test_what_another_model_made_is_not_taken_in() -> None:
    graph = Graph()
    stays = graph.cache()
    other = Embedding({"features": np.zeros(4, np.float32)}, "classical-1", 9, 9, 9, 9)
    assert not await stays.take_in(A, other, room_only=False)
    assert len(stays) == 0
