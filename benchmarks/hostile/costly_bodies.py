"""Bodies of at most a megabyte that could take much CPU or memory, sent one after another."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import json
import random
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.hostile.attack import Attack, Begin, Limits
from protocol import brush_rle
from testing.annotating.annotators import TIMEOUT_S
from testing.label_studio_requests import predict_body

MOST = 2**20
"""Bytes of a body."""

PAUSE_S = 0.25
"""Seconds between an answer and the next body: this measures what single bodies cost, not a flood."""

SIDE = 9400
"""Pixels. A body may claim that the browser shows a square picture of this side, 88 megapixels."""

LIMITS = Limits(first_times=2.0, warm_times=2.0, worst_s=None, health_s=0.2, memory_mib=200.0)

Body = tuple[str, bytes]
"""The route and the content."""

_IMAGE = '<Image name="image" value="$image"/>'


def clicks() -> Iterator[Body]:
    """Points, polygons, boxes and labels by the thousand."""
    dice = random.Random(1)

    def corners(count: int) -> list[list[float]]:
        return [[round(dice.random() * 100, 1), round(dice.random() * 100, 1)] for _ in range(count)]

    for count in (9999, 30_000, 70_000):
        yield _predict(_item("polygonlabels", {"points": corners(count)}))
    yield _predict(*(_item("polygonlabels", {"points": corners(40)}, number) for number in range(900)))
    for count in (64, 999):
        yield _predict(*(_item("keypointlabels", {"x": 1, "y": 1}, number) for number in range(count)))
    yield _predict(_item("keypointlabels", {"x": 50, "y": 50}))
    box = {"x": 1, "y": 1, "width": 5, "height": 5}
    yield _predict(*(_item("rectanglelabels", box, number) for number in range(900)))
    yield _predict(*[{"type": "x"}] * 70_000)
    yield _predict(_item("keypointlabels", {"x": 1, "y": 1, "keypointlabels": ["a"] * 250_000}))
    yield _predict(_item("keypointlabels", {"x": 1, "y": 1, **dict.fromkeys(map(str, range(90_000)), 0)}))


def tasks() -> Iterator[Body]:
    """Tasks times images, and data that multiply."""
    images = "".join(f'<Image name="i{number}" value="$i"/>' for number in range(1000))
    yield "/predict", _dumped({**predict_body(), "tasks": [{}] * 340_000})
    yield "/webhook", _dumped({"action": "ANNOTATION_CREATED", "tasks": [{}] * 340_000})
    for route in ("/predict", "/embed"):
        yield route, _opened([{"id": number} for number in range(9999)], images)
    yield "/predict", _opened([{"id": 1, "data": {"i": [0] * 90_000}}], images)
    text = "".join(f'<Image name="i{number}" value="{"$i" * 30}"/>' for number in range(100))
    yield "/predict", _opened([{"id": 1, "data": {"i": "a" * 900_000}}], text)
    controls = "".join(f'<BrushLabels name="c{number}" toName="i"/>' for number in range(199))
    repeated = f'<Repeater on="$p">{controls}<Image name="n{{{{idx}}}}" value="$q"/></Repeater>'
    yield "/predict", _opened([{"id": number, "data": {"p": [0] * 900}} for number in range(400)], repeated)
    lists: object = [[]] * 300_000
    for value in (lists, dict.fromkeys(map(str, range(80_000)), 0)):
        yield "/predict", _dumped({**predict_body(), "tasks": [{"id": 1, "data": {"image": value}}]})


def configs() -> Iterator[Body]:
    """Labeling configs of many tags, labels and names."""
    labels = "".join(f'<Label value="{number}"/>' for number in range(9000))
    brush = f'<BrushLabels name="b" toName="image">{labels}</BrushLabels>'
    many = '<RectangleLabels name="r{}" toName="image" smart="true">' + "<Label value='{}'/>" * 49
    controls = "".join((many + "</RectangleLabels>").format(*range(n, n + 50)) for n in range(199))
    insides = (brush, brush * 3, controls, "<a/>" * 240_000, "<a>" * 140_000 + "</a>" * 140_000,
               "<a " + " ".join(f"a{number}=''" for number in range(85_000)) + "/>",
               f'<Brush name="b" toName="{"a," * 450_000}"/>', _IMAGE * 20_000)  # fmt: skip
    for number, inside in enumerate(insides):
        config = f"<View>{_IMAGE}{inside}</View>"
        yield "/predict", _dumped({**predict_body(_shown()), "label_config": config})
        yield "/setup", _dumped({"project": f"{number}", "schema": config})


def masks() -> Iterator[Body]:
    """Drawn masks of kilobytes that unpack to many megapixels, and formats that are read byte by byte."""
    for color, depth in ((6, 8), (0, 8), (3, 1)):
        url = "data:image/png;base64," + base64.b64encode(_png(color, depth)).decode()
        yield _predict(_item("bitmasklabels", {"imageDataURL": url}))
    yield _predict(_item("brushlabels", {"rle": brush_rle.encode(np.ones((SIDE, SIDE), np.bool_)).tolist()}))
    speckled = np.zeros((1500, 1500), np.bool_)
    speckled.reshape(-1)[:160_000:2] = True
    sides = {"original_width": 1500, "original_height": 1500}
    yield _predict({**_item("brushlabels", {"rle": brush_rle.encode(speckled).tolist()}), **sides})


def oddities() -> Iterator[Body]:
    """Odd JSON, and long addresses."""
    body = _dumped(predict_body())
    yield "/predict", body[:-1] + b',"z":' + b"[" * 500_000 + b"]" * 500_000 + b"}"
    yield "/predict", body.replace(b'"tasks":[{', b'"tasks":[{"id":' + b"9" * 900_000 + b",", 1)
    yield "/setup", b'{"project":"1","extra_params":[' + b",".join([b"[]"] * 340_000) + b"]}"
    for address in ("https://a.example/" + "../" * 330_000, "data:image/png;base64," + "A" * 900_000,
                    "data:," + "%41" * 300_000, "/data/local-files/?d=" + "a/" * 450_000):  # fmt: skip
        yield "/predict", _dumped(predict_body(address))
        yield "/predict", _dumped(predict_body(address, context=None))


def posting(bodies: Callable[[], Iterator[Body]]) -> Begin:
    """An attacker who sends these bodies again and again, one at a time."""

    @contextlib.asynccontextmanager
    async def begin(url: str) -> AsyncIterator[None]:
        made = list(bodies())
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as http:
            sending = asyncio.create_task(_send(http, made))
            try:
                yield
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    return begin


async def _send(http: httpx.AsyncClient, bodies: list[Body]) -> None:
    for route, content in itertools.cycle(bodies):
        with contextlib.suppress(httpx.HTTPError):
            await http.post(route, content=content)
        await asyncio.sleep(PAUSE_S)


@cache
def _shown() -> str:
    """A small picture of the shape that the bodies claim; on another shape no mask would be decoded."""
    file = io.BytesIO()
    Image.effect_noise((94, 94), 60).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _item(kind: str, value: dict[str, Any], number: int = 0) -> dict[str, Any]:
    [item] = predict_body()["params"]["context"]["result"]
    sides = {"original_width": SIDE, "original_height": SIDE}
    return {**item, "type": kind, "value": value, "id": f"{number}", **sides}


def _predict(*items: dict[str, Any]) -> Body:
    return "/predict", _dumped(predict_body(_shown(), context={"result": items}))


def _opened(tasks: list[dict[str, Any]], inside: str) -> bytes:
    return _dumped({"tasks": tasks, "project": "66.1", "label_config": f"<View>{inside}</View>"})


def _dumped(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


@cache
def _png(color: int, depth: int) -> bytes:
    """A white picture of ``SIDE``, by PNG's colour type and bits for each channel."""
    row = b"\0" + b"\xff" * -(-SIDE * depth * (4 if color == 6 else 1) // 8)
    compressor = zlib.compressobj(9)
    data = b"".join(compressor.compress(row) for _ in range(SIDE)) + compressor.flush()
    head = struct.pack(">IIBBBBB", SIDE, SIDE, depth, color, 0, 0, 0)
    palette = [(b"PLTE", bytes(3) + b"\xff" * 3)] if color == 3 else []
    chunks = [(b"IHDR", head), *palette, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


KINDS = {"clicks": clicks, "tasks": tasks, "configs": configs, "masks": masks, "oddities": oddities}

ATTACKS = tuple(
    Attack("costly_bodies", f"costly {name}", posting(bodies), LIMITS) for name, bodies in KINDS.items()
)
