"""All hostile files, and reading one."""

from __future__ import annotations

from imaging.options import ImageOptions
from imaging.reader import ImageReader
from testing.image_files import encoded, quarters
from tests.imaging.hostile import bombs, directories, files, strangers
from tests.imaging.servers import Server, answer
from values.errors import ImageError
from values.image import ImageSource, ModelSize, Pixels

FILES = [
    *(*files.CUT, *files.HEADERS, *bombs.FRAMES, *directories.DIRECTORIES),
    *(*strangers.OTHERS, *strangers.MODES, *bombs.BOMBS),
]
GOOD = encoded(quarters())
SIZE = ModelSize(1024)
SLOW_S = 1.5
"""What slow files get: longer than a good image takes, shorter than most of them need."""


def reader_of(server: Server, *, slow: bool) -> ImageReader:
    options: dict[str, str | float] = {"image_hosts": f"127.0.0.1:{server.port}"}
    return ImageReader(ImageOptions.model_validate(options | ({"decode_timeout_s": SLOW_S} if slow else {})))


async def read(reader: ImageReader, server: Server, content: bytes) -> Pixels | ImageError:
    """Serve ``content`` as a PNG and read it: the pixels, or the error that it ended in."""
    server.routes["/a.png"] = answer(200, content, content_type="image/png")
    try:
        return await reader.read(ImageSource(f"{server.url}/a.png", task=42), SIZE)
    except ImageError as error:
        return error
