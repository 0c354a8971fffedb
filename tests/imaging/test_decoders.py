from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.decoders import DECODES_AT_ONCE, Decoders, Processes
from imaging.decoding import decode
from imaging.options import ImageOptions
from tests.imaging.pictures import encoded, quarters
from values.errors import ImageCorrupt, ImageTimeout, ImageTooLarge, NotAnImage, Overloaded
from values.image import ModelSize

GOOD = encoded(quarters())
JOB: dict[str, Any] = {"size": asdict(ModelSize(64)), "max_image_megapixels": 89, "timeout_s": 60}
MOST = 2**20


@pytest.fixture
def some() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.close()
    assert _children(made) == []


@cache
def slow() -> bytes:
    """An image that takes longer than a hundredth of a second, wherever."""
    return encoded(Image.new("RGB", (6000, 6000)), compress_level=1)


def decoders(**options: Any) -> Decoders:
    return Decoders(ImageOptions.model_validate(options))


@pytest.mark.parametrize(
    "size", [ModelSize(64), ModelSize(64, keep_aspect=False, fractions=True), ModelSize(64, enlarge=False)]
)
async def test_what_a_process_decodes_is_what_decode_decodes(size: ModelSize) -> None:
    here = decode(GOOD, size, ImageOptions())
    there = await decoders().decode(GOOD, size)
    assert (there.width, there.height) == (here.width, here.height) == (40, 20)
    assert there.rgb.dtype == here.rgb.dtype
    np.testing.assert_array_equal(there.rgb, here.rgb)


async def test_sentences_come_through() -> None:
    with pytest.raises(NotAnImage, match="what came is a PDF"):
        await decoders().decode(b"%PDF-1.7", ModelSize(64))
    with pytest.raises(ImageTooLarge, match=r"40 x 20 pixels .*MAX_IMAGE_MEGAPIXELS"):
        await decoders(max_image_megapixels=0.0001).decode(GOOD, ModelSize(64))


async def test_an_image_that_takes_too_long_is_ended_and_keeps_no_place() -> None:
    impatient = decoders(decode_timeout_s=0.02)
    ended = 0
    while ended < 2 * DECODES_AT_ONCE:
        try:
            await impatient.decode(slow(), ModelSize(64))
        except ImageTimeout:
            ended += 1
        except Overloaded:  # the kernel has not come to ending the last one yet
            await asyncio.sleep(0)
    assert (await decoders().decode(GOOD, ModelSize(64))).width == 40


async def test_many_at_once_each_get_their_own() -> None:
    shapes = [(width, 10 + width) for width in range(1, 20)]
    files = [encoded(Image.new("RGB", shape)) for shape in shapes]
    one = decoders()
    results = await asyncio.gather(*(one.decode(data, ModelSize(8)) for data in files))
    assert [(each.width, each.height) for each in results] == shapes


def test_a_process_is_used_again_and_replaced_when_it_ends(some: Processes) -> None:
    for _ in range(3):
        assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40
    [process] = _children(some)
    os.kill(process, signal.SIGKILL)
    _until(lambda: not _children(some))
    assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40
    assert _children(some) != [process]


def test_an_end_in_the_middle_of_an_image_is_that_image_only(some: Processes) -> None:
    with pytest.raises(EOFError):
        some.ask({"no": "such job"}, GOOD, MOST)
    with pytest.raises(EOFError):
        some.ask(JOB, GOOD, 10)  # an answer over the limit
    assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40


def test_the_forking_process_is_started_again(some: Processes) -> None:
    for _ in range(2):
        assert some.ask(JOB, GOOD, MOST)[0]["width"] == 40
        assert some.forking is not None
        some.forking.kill()
        some.forking.wait()
        _until(lambda: not _children(some))


def test_what_a_process_takes_is_limited_and_it_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, some: Processes
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "secret")
    some.ask(JOB, GOOD, MOST)
    [process] = _children(some)
    limits = Path(f"/proc/{process}/limits").read_text()
    assert "Max file size             0 " in limits
    assert "Max core file size        0 " in limits
    assert "Max address space         unlimited" not in limits
    assert b"LABEL_STUDIO" not in Path(f"/proc/{process}/environ").read_bytes()


def test_a_large_process_ends_after_its_image(some: Processes) -> None:
    large = encoded(Image.new("RGB", (11000, 8000)), compress_level=1)
    assert some.ask(JOB, large, MOST)[0]["width"] == 11000
    _until(lambda: not _children(some))


async def test_what_breaks_its_decoder_is_corrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.decoders._most_bytes", lambda size: 10)
    with pytest.raises(ImageCorrupt, match="breaks its decoder"):
        await decoders().decode(GOOD, ModelSize(64))


def test_what_the_kernel_ended_first_took_too_long_all_the_same() -> None:
    with pytest.raises(ImageTimeout, match=r"longer than 0\.02 s"):
        decoders(decode_timeout_s=0.02)._decode(slow(), ModelSize(64))


def _children(some: Processes) -> list[int]:
    """The processes that were forked and live; those that have ended are nobody's children."""
    assert some.forking is not None
    try:
        listed = Path(f"/proc/{some.forking.pid}/task/{some.forking.pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(process) for process in listed.split()]


def _until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.005)
