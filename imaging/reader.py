"""Reading an image: from the value in a task to pixels at model size."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from concurrency.abandonable import AbandonableWorker
from concurrency.priority_slots import Urgency
from imaging.background_reads import BackgroundReads
from imaging.decoders import Decoders, Whose
from imaging.files import read_file
from imaging.options import ImageOptions
from imaging.sources import host_of, locate, naming
from imaging.web import Web
from net.addresses import parse_url
from net.host_places import HostPlaces
from net.large_files import Grows, LargeFiles
from net.resolver import Resolver, resolve
from stores.reader import Stores
from values.errors import ImageForbidden, ImageMissing
from values.evidence import Content, Found
from values.image import ImageSource, ModelSize, Pixels
from values.locations import DataUrl, LabelStudioFile, LocalFile, Location, StoredObject, WebImage

FILES_AT_ONCE = 8
VALUES_AT_ONCE = 2

LARGE_VALUE = 2**18
"""Characters of a value above which it is decoded off the event loop; only a data: URL is so long."""


class ImageReader:
    """Reads images within the limits of its options. One per process; used from one event loop."""

    def __init__(self, options: ImageOptions, *, resolver: Resolver = resolve) -> None:
        self._options = options
        self._hosts = HostPlaces()
        self._web = Web(options, resolver, self._hosts)
        self._stores = Stores(options, resolver)
        self._files = AbandonableWorker(FILES_AT_ONCE, options.image_timeout_s, "reading its file")
        self._values = AbandonableWorker(VALUES_AT_ONCE, options.decode_timeout_s, "reading its data: URL")
        self._decoders = Decoders(options)
        self._background = BackgroundReads()
        self._large = LargeFiles()

    @property
    def decoding(self) -> int:
        """Images that are being decoded or wait to be; those that wait for their hosts do not count."""
        return self._decoders.wanted

    async def read(self, source: ImageSource, size: ModelSize, urgent: bool | Urgency = True) -> Pixels:
        """The pixels of ``source`` at ``size``. ``urgent``: whether somebody waits for them.

        Images that nobody waits for are read a few at a time, and few from one host (see
        ``background_reads``). An ``Urgency`` can be promoted when somebody begins to wait. Raises the
        ImageError that fits, or Overloaded. Failures are not remembered: the next read tries again.
        """
        urgency = Urgency.of(urgent)
        location = await self._locate(source, urgency)
        with naming(source):
            host = host_of(location)
            async with (
                self._background.place(host, source.project, urgency) as place,
                self._large.one(source.project, host, urgency) as grows,
            ):
                found = await self._find(location, source, urgency, grows)
                place.arrived()
                whose = Whose(source.project, host or "")
                pixels = await self._decoders.decode(found.content, size, urgency, whose)
        return replace(pixels, evidence=found.evidence)

    async def file(self, source: ImageSource) -> Content:
        """The bytes of ``source`` as they are, whatever they hold. Raises as ``read`` does."""
        urgency = Urgency.of(False)
        location = await self._locate(source, urgency)
        with naming(source):
            async with self._large.one(source.project, host_of(location), urgency) as grows:
                return (await self._find(location, source, urgency, grows)).content

    async def evidence(self, source: ImageSource) -> str:
        """The evidence that ``read`` would put into the pixels, found without reading the image.

        As long as it stays the same, the image has not been replaced. It is "" where the host tells nothing:
        see ``values.evidence``. Addresses are checked as for reading, and the same errors are raised.
        """
        location = await self._locate(source, Urgency.of(False))
        with naming(source):
            # Urgent: the request is small and its caller waits only a short time, so it must not queue behind
            # images that are read ahead.
            return (await self._find(location, source, Urgency(urgent=True), None)).evidence

    async def check(self) -> str:
        """A sentence: Label Studio answers and takes the token. Raises the ImageError that says why not.

        Asks Label Studio for an uploaded file without a name. It answers 401 where the token may not read
        files, and 404 otherwise.
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

    async def _locate(self, source: ImageSource, urgency: Urgency) -> Location:
        if len(source.value) > LARGE_VALUE:
            return await self._values.run(partial(locate, source, self._options), urgency)
        return locate(source, self._options)

    async def _find(
        self, location: Location, source: ImageSource, urgency: Urgency, grows: Grows | None
    ) -> Found:
        """What is at a location. ``grows``: as in ``large_files``; None where only evidence is wanted."""
        match location:
            case DataUrl(decoded):
                return Found(decoded)  # no evidence: the image key holds the content's hash
            case LocalFile():
                return await self._local(location, source, urgency, grows)
            case StoredObject():
                return await self._stored(location, source, urgency, grows)
            case _:
                return await self._fetch(location, source, urgency, grows)

    async def _local(
        self, location: LocalFile, source: ImageSource, urgency: Urgency, grows: Grows | None
    ) -> Found:
        root = self._options.local_files_document_root
        assert root is not None  # noqa: S101 - else locate() makes no LocalFile
        try:
            most, content = self._options.max_image_bytes, grows is not None
            if grows is not None:
                await grows()  # the size is not known before the file is read, all at once
            return await self._files.run(partial(read_file, root, location.path, most, content=content))
        except ImageMissing:
            if location.url is None:
                raise
            # The folder that is mounted here may be a part of Label Studio's, which may have the file.
            return await self._fetch(LabelStudioFile(location.url), source, urgency, grows)

    async def _stored(
        self, location: StoredObject, source: ImageSource, urgency: Urgency, grows: Grows | None
    ) -> Found:
        if self._stores.holds(location):
            async with self._hosts.at(f"{location.scheme}://{location.bucket}", source.project, urgency):
                if grows is not None:
                    await grows()
                return await self._stores.read(location, content=grows is not None)
        if location.url is None:
            raise ImageForbidden(
                f"it is a {location.scheme}:// address; set LABEL_STUDIO_URL, so that Label Studio hands out "
                "the objects of its tasks, or name its bucket in IMAGE_STORES to read it directly"
            )
        return await self._fetch(LabelStudioFile(location.url), source, urgency, grows)

    async def _fetch(
        self,
        location: LabelStudioFile | WebImage,
        source: ImageSource,
        urgency: Urgency,
        grows: Grows | None,
    ) -> Found:
        wanted = grows is not None
        return await self._web.fetch(location, source, content=wanted, urgency=urgency, grows=grows)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._web.aclose()
        await self._stores.aclose()
