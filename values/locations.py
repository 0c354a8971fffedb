"""Where an image can be: one class for each way of getting it."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx


@dataclass(frozen=True, slots=True)
class LabelStudioFile:
    """An image that Label Studio serves to whoever shows its token."""

    url: httpx.URL = field(repr=False)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of Label Studio's local storage, at ``path`` below the document root mounted here.

    ``url`` is where Label Studio serves the same file, or None where LABEL_STUDIO_URL is not set.
    """

    path: str
    url: httpx.URL | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a cloud store: ``scheme`` s3, gs or azure-blob; ``bucket`` or container; ``key`` as it is.

    ``url`` is where Label Studio hands it out with its own credentials, or None where LABEL_STUDIO_URL or the
    task's number is not known.
    """

    scheme: str
    bucket: str
    key: str
    url: httpx.URL | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebImage:
    """An image anywhere on the web; Label Studio's token never goes there."""

    url: httpx.URL = field(repr=False)


@dataclass(frozen=True, slots=True)
class DataUrl:
    """An image inside the task itself; ``content`` are its bytes."""

    content: bytes = field(repr=False)


Location = LabelStudioFile | LocalFile | StoredObject | WebImage | DataUrl
