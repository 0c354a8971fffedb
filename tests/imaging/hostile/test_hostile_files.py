"""Every hostile file ends in a sentence or in pixels, in time, and the reader reads on."""

from __future__ import annotations

import asyncio

import pytest

from imaging.reader import ImageReader
from tests.imaging.hostile.corpus import FILES, GOOD, SIZE, read, reader_of
from tests.imaging.hostile.file import File
from tests.imaging.servers import Server
from values.errors import ImageError, ImageTimeout, Overloaded
from values.image import Pixels


async def _next_good(reader: ImageReader, server: Server) -> Pixels | ImageError:
    while True:
        try:
            end = await read(reader, server, GOOD)
        except Overloaded:
            end = ImageTimeout("")
        if not isinstance(end, ImageTimeout):
            return end
        # The machine is busy with something else; a reader that is stuck never gets past this.
        await asyncio.sleep(0)


def test_there_are_enough_of_them() -> None:
    names = [file.name for file in FILES]
    assert len(set(names)) == len(names) >= 150


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
async def test_hostile_files(server: Server, file: File) -> None:
    reader = reader_of(server, slow=file.slow)
    try:
        end = await read(reader, server, file.make())
        assert isinstance(end, file.ends), end
        if isinstance(end, Pixels):
            assert max(end.rgb.shape) == SIZE.side
            assert end.width * end.height <= 89e6
        else:
            assert end.detail.startswith("cannot read the image of task 42: ")
            assert end.detail.isprintable()
            assert "/etc/passwd" not in end.detail
        good = await _next_good(reader, server)
        assert isinstance(good, Pixels), good
        assert (good.width, good.height) == (40, 20)
    finally:
        await reader.aclose()
