"""A decoder replica that finds things: queries, what is kept, what is made again, and the masks' scores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployments.calls.large_values import Reference
from deployments.decoder import Decoder
from deployments.found_tier import Finding
from deployments.metrics import Metrics
from deployments.options import DecoderOptions
from embeddings.options import DurableOptions
from finders.catalogue import FINDERS
from finders.detector import Detector
from finders.options import FinderOptions
from protocol.controls import Output
from protocol.finding import Find, Vectors
from protocol.options import RegionOptions
from segmenters.classical.segmenter import Classical
from segmenters.options import ModelOptions
from testing.deployment_fakes import Handle
from testing.pointing import shown
from testing.scenes import scene
from values.box_masks import BoxMasks
from values.embedding import Embedding
from values.errors import BadPrompt, BadRequest, ImageDiffers, ModelError, OtherVersion
from values.found import Found
from values.image import ImageSource
from values.priority import Priority

WIDTH, HEIGHT = 320, 200
PICTURE = scene(2, WIDTH, HEIGHT)
KEY = "a" * 40
DETECTOR = Detector(FINDERS["owlv2_base"], ModelOptions())
OUTPUTS = tuple(Output("BrushLabels", "brush", "image", (label,)) for label in ("Cat", "Dog"))
NONE = np.zeros((0, 4))
QUERIES = {"cat": (1.0, 0.0), "kitten": (0.9, 0.1), "dog": (0.0, 1.0)}


def edges(mask: Any) -> tuple[float, ...]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0] / WIDTH, rows[0] / HEIGHT, (columns[-1] + 1) / WIDTH, (rows[-1] + 1) / HEIGHT


BOXES = [edges(mask) for mask in PICTURE.masks[:3]]


def kept(version: str = DETECTOR.version) -> Embedding:
    """The first two things are cats, the second less so, and the third is a dog."""
    vectors = np.array([(1, 0), (0.96, 0.28), (0, 1)], np.float16)
    return Found(
        boxes=np.array(BOXES, np.float32),
        objectness=np.array([3, 2, 1], np.float32),
        vectors=vectors,
        shift=np.full(3, -0.8, np.float32),
        scale=np.full(3, 20, np.float32),
        finder=version,
        width=WIDTH,
        height=HEIGHT,
        input_width=WIDTH,
        input_height=HEIGHT,
    ).as_embedding()


class Graph:
    """A decoder with the deployments behind it faked."""

    def __init__(
        self,
        finder: bool = True,
        durable: DurableOptions | None = None,
        **options: Any,
    ) -> None:
        self.seen = [kept()]
        self.found = 0
        self.asked: list[list[str]] = []
        fetcher = Handle({"read": self._read})
        encoder = Handle({"encode": self._encode, "ready": self._encoder_ready})
        handle = Handle({"encode": self._find, "vectors": self._vectors, "ready": self._ready})
        finding = Finding(DETECTOR, FinderOptions(**options)) if finder else None
        self.decoder = Decoder(
            Classical(),
            DecoderOptions(),
            RegionOptions(),
            durable or DurableOptions(),
            fetcher,
            encoder,
            finding,
            handle,
        )

    async def find(self, *phrases: str, **more: Any) -> Any:
        return await self.decoder.find(KEY, self._asked(*phrases, **more), [], 60)

    async def masks(self, *phrases: str, **more: Any) -> BoxMasks:
        return await self.decoder.find_masks(KEY, self._asked(*phrases, **more), [], 60, Priority.LATER)

    async def example(self, box: tuple[float, ...]) -> Any:
        source = ImageSource("/a.png")
        left, top, right, bottom = map(float, box)
        return await self.decoder.example(KEY, source, (left, top, right, bottom), [], 60, Priority.LATER)

    def _asked(self, *phrases: str, **more: Any) -> Find:
        given: dict[str, Any] = {
            "image": ImageSource("/a.png"),
            "phrases": phrases,
            "classes": tuple(int(phrase == "dog") for phrase in phrases),
            "examples": NONE,
            "negatives": NONE,
            "regions": NONE,
            "outputs": OUTPUTS,
        }
        return Find(**given | more)

    async def _read(self, *_: Any) -> Reference:
        return []

    async def _encode(self, *_: Any) -> Embedding:
        [embedding] = Classical().load_encoder(1).encode([shown(Classical(), PICTURE.rgb)])
        return embedding

    async def _find(self, key: str, pixels: Reference, priority: Priority, version: str) -> Embedding:
        assert version == DETECTOR.version
        self.found += 1
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    async def _vectors(self, phrases: Sequence[str], version: str) -> Any:
        assert version == DETECTOR.version
        self.asked.append(list(phrases))
        return np.array([QUERIES[phrase] for phrase in phrases], np.float32)

    async def _ready(self) -> str:
        return "the finder is ready"

    async def _encoder_ready(self) -> str:
        return "the encoder is ready"


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks Ray what a replica has."""
    monkeypatch.setattr("deployments.decoder.threads_each", lambda _: 1)


def labels(answer: Any) -> list[str]:
    return [region["value"]["brushlabels"][0] for region in answer.regions]


async def test_all_that_a_phrase_names_has_a_mask_and_the_score_of_the_match() -> None:
    graph = Graph()
    answer = await graph.find("cat")
    scores = [region["score"] for region in answer.regions]
    assert labels(answer) == ["Cat", "Cat"]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-4)), abs=0.01)
    assert answer.score == pytest.approx(np.mean(scores))
    assert answer.version == f"{DETECTOR.version}+{Classical().version}"
    assert {(region["original_width"], region["original_height"]) for region in answer.regions} == {
        (WIDTH, HEIGHT)
    }


@pytest.mark.slow
async def test_phrases_compete_and_each_has_its_label() -> None:
    assert sorted(labels(await Graph().find("cat", "kitten", "dog"))) == ["Cat", "Cat", "Dog"]


@pytest.mark.slow
async def test_every_later_query_needs_no_detector() -> None:
    graph = Graph()
    await asyncio.gather(graph.find("cat"), graph.find("dog"), graph.find("cat", "dog"))
    await graph.find("kitten", "cat")
    assert graph.found == 1
    assert sorted(phrase for phrases in graph.asked[-1:] for phrase in phrases) == ["kitten"]


async def test_what_is_annotated_is_left_alone() -> None:
    answer = await Graph().find("cat", regions=np.array(BOXES[:1]))
    assert len(answer.regions) == 1


@pytest.mark.slow
async def test_an_example_finds_its_like_and_a_negative_one_takes_them_away() -> None:
    graph = Graph()
    alike = {"examples": np.array(BOXES[2:]), "size": (WIDTH // 2, HEIGHT // 2)}
    answer = await graph.find(**alike)
    assert len(answer.regions) == 1
    assert answer.regions[0]["original_width"] == WIDTH // 2, "as the browser shows it"
    nothing = await graph.find(**alike | {"negatives": np.array(BOXES[2:]), "examples": np.array(BOXES[:1])})
    assert len(nothing.regions) == 2
    with pytest.raises(BadPrompt, match="only examples of what is not meant"):
        await graph.find(negatives=np.array(BOXES[:1]))
    with pytest.raises(BadPrompt, match="sees no object where the example is drawn"):
        await graph.find(examples=np.array([(0.0, 0.0, 0.001, 0.001)]))
    with pytest.raises(ImageDiffers):
        await graph.find(**alike | {"size": (WIDTH, WIDTH)})


@pytest.mark.slow
async def test_masks_that_nobody_waits_for_keep_only_what_takes_long_to_make() -> None:
    graph = Graph()
    for _ in range(2):
        masks = await graph.masks("cat", "dog")
        assert [region["value"]["brushlabels"] for [region] in masks.regions] == [["Cat"], ["Dog"], ["Cat"]]
        assert [region["score"] for [region] in masks.regions] == masks.scores
        assert masks.scores == sorted(masks.scores, reverse=True)
        assert masks.version == f"{DETECTOR.version}+{Classical().version}"
    assert (graph.found, len(graph.asked)) == (1, 1)
    assert (await graph.decoder.ready()).startswith("the decoder holds 0 images")
    nothing = await graph.masks("cat", threshold=0.99)
    assert (nothing.regions, nothing.scores, nothing.version) == ([], [], masks.version)
    with pytest.raises(BadPrompt, match="set FINDER to owlv2_base"):
        await Graph(finder=False).masks("cat")


@pytest.mark.slow
async def test_an_example_on_another_picture_finds_its_like_and_a_negative_one_takes_them_away() -> None:
    graph = Graph()
    version, dog = await graph.example(BOXES[2])
    _, cat = await graph.example(BOXES[0])
    assert version == DETECTOR.version
    some, none = np.stack([dog, cat]), np.zeros((0, 2), np.float32)
    both = await graph.masks(vectors=Vectors(version, some, none), classes=(1, 0))
    assert [region["value"]["brushlabels"] for [region] in both.regions] == [["Cat"], ["Dog"], ["Cat"]]
    other = (await graph.example(BOXES[1]))[1][None]
    assert len((await graph.masks(vectors=Vectors(version, some[1:], none), classes=(0,))).regions) == 2
    assert len((await graph.masks(vectors=Vectors(version, some[1:], other), classes=(0,))).regions) == 1
    with pytest.raises(OtherVersion, match="examples of owlv2-old are not of"):
        await graph.masks(vectors=Vectors("owlv2-old", some, none), classes=(1, 0))
    with pytest.raises(BadPrompt, match="sees no object where the example is drawn"):
        await graph.example((0.0, 0.0, 0.001, 0.001))
    with pytest.raises(BadPrompt, match="set FINDER to owlv2_base"):
        await Graph(finder=False).example(BOXES[0])


@pytest.mark.slow
async def test_the_threshold_and_the_limit() -> None:
    assert (await Graph(finder_threshold=0.975).find("cat")).regions
    strict = await Graph(finder_threshold=0.99).find("cat")
    assert (strict.regions, strict.score) == ([], 0)
    assert (await Graph().find("cat", threshold=0.99)).regions == []
    assert len((await Graph(find_limit=1).find("cat")).regions) == 1


@pytest.mark.slow
async def test_what_is_damaged_is_made_again_once() -> None:
    graph = Graph()
    damaged = replace(kept(), arrays={"boxes": np.zeros((1, 4), np.float32)})
    graph.seen = [damaged, kept()]
    assert len((await graph.find("cat")).regions) == 2
    assert graph.found == 2
    hopeless = Graph()
    hopeless.seen = [damaged]
    with pytest.raises(ModelError, match="gives what no detector gives"):
        await hopeless.find("cat")


@pytest.mark.slow
async def test_an_opened_task_is_seen_ahead_where_somebody_may_ask() -> None:
    graph = Graph()
    source = ImageSource("/a.png")
    await graph.decoder.warm(KEY, source, [], Priority.OPENED, 60, False)
    assert graph.found == 0
    await graph.decoder.warm(KEY, source, [], Priority.OPENED, 60, True)
    assert graph.found == 1
    assert (await graph.find("cat")).warm
    assert graph.found == 1
    assert await graph.decoder.ready() == (
        "the decoder holds 1 images; the encoder is ready; the finder is ready"
    )


async def test_what_is_found_is_stored_where_that_is_asked_for(tmp_path: Path) -> None:
    graph, source = Graph(durable=DurableOptions(durable=str(tmp_path))), ImageSource("/a.png")
    assert not await graph.decoder.store(KEY, source, [], 60)
    assert graph.found == 0
    assert not await graph.decoder.store(KEY, source, [], 60, True)
    assert await graph.decoder.store(KEY, source, [], 60, True)
    assert graph.found == 1
    assert (tmp_path / DETECTOR.version / KEY[:2] / f"{KEY}.safetensors").is_file()
    with pytest.raises(BadRequest, match="set FINDER"):
        await Graph(finder=False).decoder.store(KEY, source, [], 60, True)


@pytest.mark.slow
async def test_what_was_found_is_handed_over_and_forgotten_with_the_embedding() -> None:
    graph = Graph()
    await graph.find("cat")
    moved = await graph.decoder.hand_over(KEY, DETECTOR.version)
    assert moved is not None
    assert moved.segmenter == DETECTOR.version
    assert await graph.decoder.hand_over(KEY, DETECTOR.version) is None
    assert await graph.decoder.hand_over(KEY, Classical().version) is not None
    await graph.find("cat")
    assert graph.found == 2
    assert await graph.decoder.forget(KEY)
    await graph.find("cat")
    assert graph.found == 3
    assert await graph.decoder.let_go(KEY)


@pytest.mark.slow
async def test_what_a_replica_that_is_stopped_had_seen_is_taken_in() -> None:
    leaving, staying = Graph(), Graph()
    await leaving.find("cat")
    for version in (DETECTOR.version, Classical().version):
        kept = await leaving.decoder.hand_over(KEY, version)
        assert kept is not None
        assert await staying.decoder.take_in(KEY, kept, room_only=False)
    assert (await staying.find("cat")).warm
    assert staying.found == 0


async def test_one_that_is_stopped_offers_what_it_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph()
    await graph.find("cat")
    offered: list[str] = []

    async def give(heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        offered.append(embedding.segmenter)
        return True

    for cache in (graph.decoder._cache, graph.decoder._found.cache):  # type: ignore[union-attr]
        monkeypatch.setattr(cache._neighbours, "heir", lambda key: "other", raising=False)
        monkeypatch.setattr(cache._neighbours, "give", give, raising=False)
    await graph.decoder._leave()
    assert sorted(offered) == sorted([DETECTOR.version, Classical().version])


async def test_without_a_detector_a_sentence_says_what_to_set() -> None:
    with pytest.raises(BadPrompt, match="set FINDER to owlv2_base"):
        await Graph(finder=False).find("cat")


def test_its_numbers_are_not_those_of_embeddings() -> None:
    counted = Metrics()
    assert counted.of_found()._counters is counted._counters
