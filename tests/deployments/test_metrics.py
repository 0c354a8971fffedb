"""What is counted of a click, from the door to the device; and that no tag has a value of a client's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from deployments import decoder as decoder_module
from deployments import encoder as encoder_module
from deployments import metrics as metrics_module
from deployments.encoder import Encoder
from deployments.metrics import COUNTERS, GAUGES, HISTOGRAMS, VALUES
from testing.label_studio_requests import predict_body
from testing.recorded_metrics import RecordedMetrics
from tests.deployments.ingress_door import Door
from tests.deployments.test_decoder import HEIGHT, WIDTH, click_on, faked
from tests.deployments.test_embedding_cache import MIB, Graph, click, keys, warm
from tests.deployments.test_encoder import VERSION, Slow, reference
from values.errors import ImageTimeout, Overloaded, error_classes
from values.priority import Priority


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordedMetrics]:
    """In the end no tag may have had a value that is not documented."""
    recorded = RecordedMetrics()
    monkeypatch.setattr(metrics_module, "metrics", recorded.module)
    monkeypatch.setattr(decoder_module, "threads_each", lambda _: 1)
    monkeypatch.setattr(encoder_module, "threads_each", lambda _: 1)
    yield recorded
    known: dict[str, set[str]] = {tag: set(values) for tag, values in VALUES.items()}
    known["code"] |= {each.code for each in error_classes()}
    known["route"] |= {"/predict"}
    for name, _, tags in recorded.samples:
        assert all(value in known[tag] for tag, value in tags.items()), (name, tags)


def stages(recorded: RecordedMetrics, name: str) -> list[str]:
    return [tags["stage"] for _, _, tags in recorded.named(name)]


async def test_the_door_counts_a_click_once_by_what_became_of_it(recorded: RecordedMetrics) -> None:
    door = Door()
    await door.post("/predict", predict_body())
    door.graph.regions = []
    await door.post("/predict", predict_body())
    for error in (Overloaded("too much"), ImageTimeout("too slow")):
        door.graph.error = error
        await door.post("/predict", predict_body())
    await door.post("/predict", predict_body(context=None))
    await door.settle()
    codes = [tags["code"] for _, _, tags in recorded.named("sam_clicks")]
    assert codes == ["ok", "no_mask", "overloaded", "image_timeout"]
    assert recorded.total("sam_click_seconds", cache="hit") > 0
    assert len(recorded.named("sam_click_seconds")) == len(recorded.named("sam_mask_bytes")) == 2
    assert recorded.total("sam_mask_bytes") > 200
    assert stages(recorded, "sam_stage_seconds")[:3] == ["parse", "route", "serialise"]


async def test_a_decoder_counts_every_stage_of_a_click(recorded: RecordedMetrics) -> None:
    decoder = faked()
    await decoder.click("a" * 40, click_on((WIDTH, HEIGHT)), [], 60)
    assert stages(recorded, "sam_stage_seconds") == ["embedding", "queue", "decode", "resample", "region"]
    await decoder.check_health()
    assert recorded.named("sam_queue_length") == [("sam_queue_length", 0, {"queue": "decode"})]


async def test_an_encoder_says_how_long_an_image_waited_and_took(recorded: RecordedMetrics) -> None:
    model = Slow()
    model.admission.set()
    encoder = Encoder(model, 1)
    await encoder.encode("a", reference(), Priority.OPENED, VERSION)
    await encoder.check_health()
    [(_, _, waited)] = recorded.named("sam_waited_seconds")
    assert waited == {"queue": "encode", "priority": "opened"}
    assert stages(recorded, "sam_image_seconds") == ["encode"]
    assert recorded.total("sam_images_encoded") == 1
    assert recorded.named("sam_queue_length") == [("sam_queue_length", 0, {"queue": "encode"})]


async def test_what_is_made_ahead_is_of_use_once_somebody_clicks(recorded: RecordedMetrics) -> None:
    cache = Graph().cache(cache_mib=2)
    a, b, c, d = keys("abcd")
    await warm(cache, a)
    await warm(cache, b)
    await click(cache, a)
    await click(cache, a)
    assert recorded.total("sam_images_ahead", became="ready") == 2
    assert recorded.total("sam_images_ahead", became="used") == 1
    assert [tags["priority"] for _, _, tags in recorded.named("sam_waited_seconds")] == ["next", "next"]
    # These clicks wait for their images themselves, which take the place of what nobody clicked on.
    await click(cache, c)
    assert recorded.total("sam_images_ahead", became="unused") == 1
    await click(cache, d)
    assert recorded.total("sam_images_ahead", became="unused") == 1
    assert recorded.total("sam_images_ahead", became="ready") == 2
    assert recorded.total("sam_memory_evictions") == 2
    assert recorded.named("sam_memory_limit_bytes")[-1][1] == 2 * MIB


async def test_who_asks_for_what_is_being_made_is_counted_as_joined(recorded: RecordedMetrics) -> None:
    cache = Graph().cache()
    await asyncio.gather(click(cache), click(cache))
    await click(cache)
    for found in ("miss", "joined", "memory"):
        assert recorded.total("sam_embedding_lookups", found=found) == 1


def test_every_tag_is_described() -> None:
    tables = (COUNTERS, HISTOGRAMS, GAUGES)
    used = {tag for table in tables for _, tags in table.values() for tag in tags}
    assert used == set(VALUES)
