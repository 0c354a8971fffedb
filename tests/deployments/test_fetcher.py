"""The fetcher: what it adds to a source before the image is read."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from concurrency.abandonable import AbandonableWorker
from concurrency.priority_slots import Urgency
from deployments import fetcher as fetcher_module
from deployments.fetcher import Fetcher
from deployments.scaling import LOAD
from imaging.decoders import OF_A_PROJECTS_HOST
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from testing.canary import CANARY
from testing.deployment_fakes import Handle
from testing.image_files import SMALL, encoded, quarters
from tests.imaging.servers import LabelStudio, Request, Server, answer
from values.errors import DeadlineExceeded, ImageUnauthorized, Overloaded
from values.image import ImageSource, ModelSize, Pixels
from values.priority import Priority

UPLOAD = "/data/upload/3/a.png"
SOURCE = ImageSource(UPLOAD, project="3", task=42)


Make = Callable[..., Fetcher]


@pytest_asyncio.fixture
async def fetcher() -> AsyncIterator[Make]:
    made: list[Fetcher] = []

    def make(offered: Callable[[str], Awaitable[str | None]], **options: Any) -> Fetcher:
        made.append(Fetcher(ImageOptions.model_validate(options), Handle({"offered": offered}), packed))
        return made[-1]

    yield make
    for each in made:
        await each._reader.aclose()


async def packed(pixels: Pixels) -> list[Pixels]:
    return [pixels]


async def read(fetcher: Fetcher, source: ImageSource, *values: str) -> Pixels:
    reference = await fetcher.read("a key", source, SMALL, Priority.CLICK, 60, *values)
    pixels: Pixels = reference[0]
    return pixels


async def nobody_asks(project: str) -> str | None:
    raise AssertionError("the journal was asked")


async def nothing(project: str) -> str | None:
    return None


async def test_the_token_that_came_with_setup_opens_the_projects_images(fetcher: Make) -> None:
    async with LabelStudio(legacy=True) as label_studio:
        label_studio.files[UPLOAD] = encoded(quarters())
        tokens = {"3": label_studio.legacy_token}

        async def offered(project: str) -> str | None:
            return tokens.get(project)

        wanted = {"label_studio_url": label_studio.address, "use_setup_token": True}
        assert (await read(fetcher(offered, **wanted), SOURCE)).width == 40
        with pytest.raises(ImageUnauthorized, match="set LABEL_STUDIO_API_KEY"):
            await read(fetcher(offered, **wanted), ImageSource(UPLOAD, project="4"))


async def test_evidence_is_asked_for_as_the_image_is_read(fetcher: Make) -> None:
    async def offered(project: str) -> str | None:
        return CANARY if project == "3" else None

    async with LabelStudio(legacy=True) as label_studio:
        label_studio.routes[UPLOAD] = answer(200, encoded(quarters()), etag='"1"')
        wanted = {"label_studio_url": label_studio.address, "use_setup_token": True}
        pixels = await read(fetcher(offered, **wanted), SOURCE)
        assert await fetcher(offered, **wanted).evidence(SOURCE) == pixels.evidence != ""
        with pytest.raises(ImageUnauthorized, match="set LABEL_STUDIO_API_KEY"):
            await fetcher(offered, **wanted).evidence(ImageSource(UPLOAD, project="4"))
        value = "data:;base64," + base64.b64encode(encoded(quarters())).decode()
        assert await fetcher(offered, **wanted).evidence(ImageSource("", project="3"), value) == ""


async def test_the_journal_is_only_asked_when_its_token_would_be_used(fetcher: Make) -> None:
    async with LabelStudio() as label_studio:
        label_studio.files[UPLOAD] = encoded(quarters())
        address, key = label_studio.address, label_studio.personal_token
        with pytest.raises(ImageUnauthorized):
            await read(fetcher(nobody_asks, label_studio_url=address), SOURCE)
        configured = fetcher(
            nobody_asks, label_studio_url=address, use_setup_token=True, label_studio_api_key=key
        )
        assert (await read(configured, SOURCE)).width == 40


async def test_a_refused_token_of_setup_is_named_as_such(fetcher: Make) -> None:
    async def offered(project: str) -> str | None:
        return CANARY

    async with LabelStudio() as label_studio:
        wanted = {"label_studio_url": label_studio.address, "use_setup_token": True}
        with pytest.raises(ImageUnauthorized, match=r"legacy token that Label Studio sent with /setup"):
            await read(fetcher(offered, **wanted), SOURCE)


async def test_a_journal_that_does_not_answer_keeps_no_image_back(fetcher: Make) -> None:
    async def offered(project: str) -> str | None:
        raise Overloaded("the journal has too much waiting")

    value = "data:;base64," + base64.b64encode(encoded(quarters())).decode()
    wanted = {"label_studio_url": "http://127.0.0.1:9", "use_setup_token": True}
    pixels = await read(fetcher(offered, **wanted), ImageSource(value, project="3"))
    assert pixels.width == 40


async def test_a_value_that_came_in_a_parcel_is_put_back(fetcher: Make) -> None:
    value = "data:;base64," + base64.b64encode(encoded(quarters())).decode()
    pixels = await read(fetcher(nothing), ImageSource("", project="3"), value)
    assert pixels.width == 40


async def test_who_asks_for_what_is_being_read_shares_it(fetcher: Make) -> None:
    async with LabelStudio() as label_studio:
        label_studio.files[UPLOAD] = encoded(quarters())
        made = fetcher(
            nothing,
            label_studio_url=label_studio.address,
            label_studio_api_key=label_studio.personal_token,
        )
        first, second = await asyncio.gather(read(made, SOURCE), read(made, SOURCE))
        assert first is second


async def test_a_model_and_a_detector_get_the_sizes_that_they_ask_for(fetcher: Make) -> None:
    source = ImageSource("data:;base64," + base64.b64encode(encoded(quarters())).decode(), project="3")
    made, square = fetcher(nothing), ModelSize(96, keep_aspect=False)
    sizes = (SMALL, square)
    found = await asyncio.gather(*(made.read("a key", source, size, Priority.CLICK, 60) for size in sizes))
    shapes = [reference[0].rgb.shape[1::-1] for reference in found]
    assert shapes == [size.scaled(found[0][0].width, found[0][0].height) for size in sizes]


async def test_a_deadline_ends_it(fetcher: Make) -> None:
    async def never(project: str) -> str | None:
        await asyncio.Event().wait()
        return None

    made = fetcher(never, label_studio_url="http://127.0.0.1:9", use_setup_token=True)
    with pytest.raises(DeadlineExceeded):
        await made.read("a key", SOURCE, SMALL, Priority.CLICK, 0.01)


async def test_reads_that_nobody_waits_for_leave_room_for_clicks(
    fetcher: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def never(project: str) -> str | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(fetcher_module, "AHEAD", 1)
    made = fetcher(never, label_studio_url="http://127.0.0.1:9", use_setup_token=True)
    ahead = asyncio.create_task(made.read("a", SOURCE, SMALL, Priority.NEXT, 60))
    await asked.wait()
    with pytest.raises(Overloaded):
        await made.read("b", SOURCE, SMALL, Priority.NEXT, 60)
    with pytest.raises(DeadlineExceeded):  # it was let in
        await made.read("c", SOURCE, SMALL, Priority.CLICK, 0.01)
    ahead.cancel()
    await asyncio.gather(ahead, return_exceptions=True)
    with pytest.raises(DeadlineExceeded):
        await made.read("b", SOURCE, SMALL, Priority.NEXT, 0.01)


async def test_a_click_that_joins_makes_the_reading_urgent(
    fetcher: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    urgencies: list[Urgency] = []
    promoted = asyncio.Event()

    async def slowly(self: object, source: ImageSource, size: ModelSize, urgent: Urgency) -> Pixels:
        urgencies.append(urgent)
        urgent.watch(promoted.set)
        await promoted.wait()
        return Pixels(np.zeros((4, 4, 3), np.uint8), 4, 4)

    monkeypatch.setattr(ImageReader, "read", slowly)
    made = fetcher(nothing)
    ahead = asyncio.create_task(made.read("a key", SOURCE, SMALL, Priority.NEXT, 60))
    while not urgencies:
        await asyncio.sleep(0)
    assert not urgencies[0].urgent
    await asyncio.gather(ahead, made.read("a key", SOURCE, SMALL, Priority.CLICK, 60))
    assert [each.urgent for each in urgencies] == [True]


async def test_its_load_is_what_it_decodes_and_not_what_waits_for_a_host(
    fetcher: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def hold(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with Server() as host:
        host.routes["/silent.png"] = hold
        made = fetcher(nothing, image_hosts=f"127.0.0.1:{host.port}")
        silent = ImageSource(f"{host.url}/silent.png", project="3")
        waits = asyncio.create_task(made.read("a", silent, SMALL, Priority.CLICK, 60))
        await asked.wait()
        assert made.record_autoscaling_stats()[LOAD] == 0
        monkeypatch.setattr(
            AbandonableWorker, "_start", lambda self, function, place: asyncio.Future[Pixels]()
        )
        value = "data:;base64," + base64.b64encode(encoded(quarters())).decode()
        decodes = asyncio.create_task(made.read("b", ImageSource(value), SMALL, Priority.CLICK, 60))
        while not made.record_autoscaling_stats()[LOAD]:
            await asyncio.sleep(0)
        assert made.record_autoscaling_stats()[LOAD] == 1 / OF_A_PROJECTS_HOST
        for task in (waits, decodes):
            task.cancel()
        await asyncio.gather(waits, decodes, return_exceptions=True)


async def test_label_studio_is_asked_once_whether_it_answers_however_many_want_to_know(fetcher: Make) -> None:
    async with LabelStudio() as label_studio:
        made = fetcher(
            nothing, label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token
        )
        said = {*await asyncio.gather(made.check(), made.check()), await made.check()}
        assert len(said) == 1
        files = [each for each in label_studio.requests if "/storage-data/" in each.path]
        assert len(files) == 1
