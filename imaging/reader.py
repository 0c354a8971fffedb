"""The way in: from a task's image to its pixels."""

from __future__ import annotations

from functools import partial

from imaging.addresses import parse_url
from imaging.background_reads import BackgroundReads
from imaging.decoders import Decoders
from imaging.files import read_file
from imaging.locations import DataUrl, LabelStudioFile, LocalFile, Location, StoredObject, host_of
from imaging.net import Content
from imaging.options import ImageOptions
from imaging.priority_slots import Urgency
from imaging.sockets import Resolver, resolve
from imaging.sources import locate, naming
from imaging.stores import Stores
from imaging.web import Web
from imaging.worker import Worker
from values.errors import ImageForbidden, ImageMissing
from values.image import ImageSource, ModelSize, Pixels

FILES_AT_ONCE = 8
VALUES_AT_ONCE = 2

LARGE_VALUE = 2**18
"""Characters of a value, a data: URL then, that are decoded off the event loop."""


class ImageReader:
    """Reads images within the limits of its options. One per process; used from one event loop."""

    def __init__(self, options: ImageOptions, *, resolver: Resolver = resolve) -> None:
        self._options = options
        self._web = Web(options, resolver)
        self._stores = Stores(options, resolver)
        self._files = Worker(FILES_AT_ONCE, options.image_timeout_s, "reading its file")
        self._values = Worker(VALUES_AT_ONCE, options.decode_timeout_s, "reading its data: URL")
        self._decoders = Decoders(options)
        self._background = BackgroundReads()

    async def read(self, source: ImageSource, size: ModelSize, urgent: bool | Urgency = True) -> Pixels:
        """The pixels of ``source`` at ``size``. ``urgent``: whether somebody waits for them.

        What nobody waits for is read with few others at once, and few from one host (see
        ``background_reads``); an :class:`Urgency` can be promoted when somebody does. Raises the ImageError
        that fits, or Overloaded. Nothing is remembered of a failure: the next read tries again.
        """
        urgency = Urgency.of(urgent)
        if len(source.value) > LARGE_VALUE:
            location = await self._values.run(partial(locate, source, self._options), urgency)
        else:
            location = locate(source, self._options)
        with naming(source):
            async with self._background.place(host_of(location), urgency) as place:
                content = await self._bytes(location, source)
                place.arrived()
                return await self._decoders.decode(content, size, urgency)

    async def check(self) -> str:
        """A sentence: Label Studio answers, and takes the token. Raises the ImageError that says why not.

        Asks Label Studio for an uploaded file without naming one: who may not read files is told 401 there,
        everybody else 404.
        """
        address = self._options.label_studio_url
        if address is None:
            return "LABEL_STUDIO_URL is not set: images that tasks name by a path cannot be read"
        try:
            await self._web.fetch(
                LabelStudioFile(parse_url(f"{address}/storage-data/uploaded/")), ImageSource("")
            )
        except ImageMissing:
            return f"Label Studio at {address} answers and takes the token"
        return f"{address} answers, but not as Label Studio does; check LABEL_STUDIO_URL"

    async def _bytes(self, location: Location, source: ImageSource) -> Content:
        match location:
            case DataUrl(content):
                return content
            case LocalFile():
                return await self._local(location, source)
            case StoredObject():
                return await self._stored(location, source)
            case _:
                return await self._web.fetch(location, source)

    async def _local(self, location: LocalFile, source: ImageSource) -> Content:
        root = self._options.local_files_document_root
        assert root is not None  # noqa: S101 - else locate() makes no LocalFile
        try:
            return await self._files.run(
                partial(read_file, root, location.path, self._options.max_image_bytes)
            )
        except ImageMissing:
            if location.url is None:
                raise
            # Mounted here in part only: Label Studio may have the rest.
            return await self._web.fetch(LabelStudioFile(location.url), source)

    async def _stored(self, location: StoredObject, source: ImageSource) -> Content:
        if self._stores.holds(location):
            return await self._stores.read(location)
        if location.url is None:
            raise ImageForbidden(
                f"it is a {location.scheme}:// address; set LABEL_STUDIO_URL, so that Label Studio hands out "
                "the objects of its tasks, or name its bucket in IMAGE_STORES to read it directly"
            )
        return await self._web.fetch(LabelStudioFile(location.url), source)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._web.aclose()
        await self._stores.aclose()
