"""The files of a project's pictures, read as the application reads them and from where it may."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from exports.pictures import Picture, Size
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from label_studio.projects import Project
from serve_app.cli.common_options import CommandError
from serve_app.settings import Settings, SettingsError
from values.evidence import Content
from values.image import ImageSource, ModelSize

T = TypeVar("T")

_SMALL = ModelSize(64, enlarge=False)
"""Pixels are decoded only to learn how many there are."""


def image_options_at(url: str, key: str) -> ImageOptions:
    """The options for images of the environment, such as IMAGE_HOSTS, with the Label Studio that is exported.

    Raises CommandError for a setting that cannot be.
    """
    try:
        options = Settings().part(ImageOptions)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    own = {"label_studio_url": url, "label_studio_api_key": key.strip()}
    return ImageOptions.model_validate(options.model_dump() | own)


class ImageFiles:
    """Reads pictures one by one. Use as a context manager, from one thread."""

    def __init__(self, options: ImageOptions, project: Project) -> None:
        self._options = options
        self._project = project
        self._runner = asyncio.Runner()
        self._reader: ImageReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader is not None:
            self._runner.run(self._reader.aclose())
        self._runner.close()

    def size_of(self, picture: Picture) -> Size:
        """Width and height as browsers show it. Raises the ServiceError that says why it cannot be read."""
        pixels = self._run(self._read(picture))
        return pixels.width, pixels.height

    def content_of(self, picture: Picture) -> Content:
        """The file as it is. Raises the ServiceError that says why it cannot be read."""
        return self._run(self._file(picture))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _read(self, picture: Picture) -> Any:
        return await self._open().read(self._source(picture), _SMALL, urgent=False)

    async def _file(self, picture: Picture) -> Content:
        return await self._open().file(self._source(picture))

    def _open(self) -> ImageReader:
        if self._reader is None:
            self._reader = ImageReader(self._options)
        return self._reader

    def _source(self, picture: Picture) -> ImageSource:
        project = self._project
        return ImageSource(picture.image, str(project.id), picture.task, project.login, project.password)
