"""From the value in a task to where the image is, and to what makes it the same image.

Values as Label Studio 1.23 sends them: uploads ``/data/upload/<project>/<name>`` without a host, local
files ``/data/local-files/?d=<path>`` with the host of LABEL_STUDIO_HOST or without one, and whatever URL was
imported.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import httpx

from imaging.addresses import ForbiddenUrl, Origin, parse_url
from imaging.options import ImageOptions
from imaging.signatures import unsigned_query
from values.errors import ImageCorrupt, ImageError, ImageForbidden, ImageMissing, ImageTooLarge
from values.image import ImageSource

_FILE_ROUTE = re.compile(r"/(data|storage-data)/|/(tasks|projects)/\d+/(presign|resolve)/")
_LOCAL_FILES = "/data/local-files/"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_CLOUD_SCHEMES = frozenset({"s3", "gs", "azure-blob"})


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
class WebImage:
    """An image anywhere on the web; Label Studio's token never goes there."""

    url: httpx.URL = field(repr=False)


@dataclass(frozen=True, slots=True)
class DataUrl:
    """An image inside the task itself; ``content`` are its bytes."""

    content: bytes = field(repr=False)


Location = LabelStudioFile | LocalFile | WebImage | DataUrl


@contextmanager
def naming(source: ImageSource) -> Iterator[None]:
    """Put the task's number in front of the sentence of any ImageError raised inside."""
    try:
        yield
    except ImageError as error:
        of_task = "" if source.task is None else f" of task {source.task}"
        raise type(error)(f"cannot read the image{of_task}: {error.detail}") from None


def locate(source: ImageSource, options: ImageOptions) -> Location:
    """Where a task's image is. No network and no file is touched.

    Raises ImageMissing, ImageForbidden, ImageTooLarge or ImageCorrupt (of a data: URL).
    """
    with naming(source):
        return _locate(source.value.strip(), options)


def canonical(source: ImageSource, options: ImageOptions) -> str:
    """The identity of an image, for cache keys; two signed URLs of one object have the same.

    Holds Label Studio's address and the project, because they stand for who may see the image. Query
    strings are only in it as a hash and never with their signatures. Raises like :func:`locate`.
    """
    location = locate(source, options)
    if isinstance(location, DataUrl):
        place = "data:" + hashlib.sha256(location.content).hexdigest()
    elif isinstance(location, LocalFile) and location.url is None:
        place = "local:" + location.path
    else:
        assert location.url is not None  # noqa: S101 - the branch above took the other case
        url = location.url
        query = unsigned_query(url)
        hashed = "?" + hashlib.sha256(query.encode()).hexdigest() if query else ""
        place = f"{Origin.of(url)}{url.raw_path.partition(b'?')[0].decode('ascii')}{hashed}"
    return f"{options.label_studio_url or ''}|{source.project}|{place}"


def _locate(value: str, options: ImageOptions) -> Location:
    if not value:
        raise ImageMissing("the task names no image")
    named = _SCHEME.match(value)
    scheme = named[1].lower() if named else ""
    if scheme == "data":
        return _data_url(value, options)
    if scheme in _CLOUD_SCHEMES:
        return _cloud(scheme)
    if scheme or value.startswith("//"):
        return _absolute(value, options)
    return _relative(value, options)


def _data_url(value: str, options: ImageOptions) -> DataUrl:
    """RFC 2397: ``data:[type][;base64],content``. What it claims to be is not looked at, decoding tells."""
    head, comma, content = value.partition(",")
    if not comma:
        raise ImageCorrupt("its data: URL has no comma and so no content")
    if len(content) > options.max_image_bytes * 3:
        raise ImageTooLarge(f"its data: URL has more than {options.max_image_mib:g} MiB")
    try:
        decoded = unquote_to_bytes(content)
        if head.lower().endswith(";base64"):
            decoded = base64.b64decode(decoded + b"=" * (-len(decoded) % 4), validate=True)
    except ValueError:
        raise ImageCorrupt("its data: URL is not base64") from None
    if len(decoded) > options.max_image_bytes:
        raise ImageTooLarge(f"its data: URL has more than {options.max_image_mib:g} MiB")
    return DataUrl(decoded)


def _cloud(scheme: str) -> Location:
    """Objects named by their store's own scheme; reading those takes a signed URL."""
    raise ImageForbidden(
        f"it is a {scheme}:// address; switch on pre-signed URLs in the settings of this cloud storage in "
        "Label Studio, so that tasks carry http(s) addresses"
    )


def _absolute(value: str, options: ImageOptions) -> Location:
    try:
        url = parse_url(value)
    except ForbiddenUrl as error:
        raise ImageForbidden(f"images may not come from there: {error}") from None
    if options.label_studio_url is not None:
        base = parse_url(options.label_studio_url)
        if Origin.of(url) == Origin.of(base):
            return _of_label_studio(url, base, options)
    return WebImage(url)


def _relative(value: str, options: ImageOptions) -> Location:
    path = value if value.startswith("/") else f"/{value}"
    if options.label_studio_url is None:
        local = _local_path(_parse_relative(f"http://label-studio{path}"), "")
        if local is not None and options.local_files_document_root is not None:
            return LocalFile(local, None)
        raise ImageMissing("its address has no host; set LABEL_STUDIO_URL to the address of Label Studio")
    base = parse_url(options.label_studio_url)
    prefix = base.path.rstrip("/")
    if prefix and path.startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    return _of_label_studio(_parse_relative(f"{options.label_studio_url}{path}"), base, options)


def _parse_relative(text: str) -> httpx.URL:
    try:
        return parse_url(text)
    except ForbiddenUrl as error:
        raise ImageForbidden(f"Label Studio has no such address: {error}") from None


def _of_label_studio(url: httpx.URL, base: httpx.URL, options: ImageOptions) -> Location:
    if ".." in unquote(url.path).split("/"):
        raise ImageForbidden("its address has .. in it")
    if not serves_files(url, base):
        return WebImage(url)
    local = _local_path(url, base.path.rstrip("/"))
    if local is not None and options.local_files_document_root is not None:
        return LocalFile(local, url)
    return LabelStudioFile(url)


def serves_files(url: httpx.URL, base: httpx.URL) -> bool:
    """Whether ``url``, at the origin of Label Studio's address ``base``, is a route that serves files.

    Only those are asked with the token, not Label Studio's API: who writes a task must not make us call
    anything else in the operator's name.
    """
    prefix = base.path.rstrip("/")
    return url.path.startswith(prefix) and _FILE_ROUTE.match(url.path, len(prefix)) is not None


def _local_path(url: httpx.URL, prefix: str) -> str | None:
    """The file that a local-files address names, or None for any other address."""
    if url.path.rstrip("/") != prefix + _LOCAL_FILES.rstrip("/"):
        return None
    named = [value for name, value in parse_qsl(url.query.decode("ascii")) if name == "d"]
    if len(named) != 1:
        raise ImageForbidden("its local-files address must name exactly one file (?d=...)")
    return named[0]
