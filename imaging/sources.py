"""From the value in a task to where the image is.

Values as Label Studio 1.23 sends them: uploads ``/data/upload/<project>/<name>`` without a host, local
files ``/data/local-files/?d=<path>`` with the host of LABEL_STUDIO_HOST or without one, objects of cloud
storages as ``s3://``, ``gs://`` and ``azure-blob://``, and whatever URL was imported.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import unquote_to_bytes

import httpx

from imaging.options import ImageOptions
from label_studio.site import Site, handed_out, local_path
from net.addresses import ForbiddenUrl, Origin, parse_url
from values.errors import ImageCorrupt, ImageError, ImageForbidden, ImageMissing, ImageTooLarge
from values.image import ImageSource
from values.locations import DataUrl, LabelStudioFile, LocalFile, Location, StoredObject, WebImage
from values.one_line import one_line

MAX_URI = 4096
"""Characters of an object's address, bucket and key. No store takes keys of more than 1024 bytes."""

MAX_SHOWN = 120
"""Characters of a path in a sentence."""

MAX_ESCAPED = 2**20
"""Percent-encoded bytes of a data: URL. Decoding them is slow, and real images come as base64."""

# Browsers drop the first from any address, and the second from base64.
_BROKEN_LINES = b"\t\n\r"
_SPACE = b"\t\n\f\r "

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_CLOUD = re.compile(r"(s3|gs|azure-blob)://([a-z0-9][a-z0-9._-]{1,254})/(.+)", re.IGNORECASE)
# Control characters, and halves of surrogate pairs, which cannot be encoded into a request.
_ODD = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Parameters of a path's part, such as ;jsessionid=1F2E.
_PARAMETERS = re.compile(r";[^/;=]*=[^/]*")
_CLOUD_SCHEMES = frozenset({"s3", "gs", "azure-blob"})


@contextmanager
def naming(source: ImageSource) -> Iterator[None]:
    """Add the task's number and the image's path to the sentence of an ImageError that is raised inside."""
    try:
        yield
    except ImageError as error:
        of_task = "" if source.task is None else f" of task {source.task}"
        path = shown_path(source.value)
        at_path = f"; its path is {path}" if path else ""
        raise type(error)(f"cannot read the image{of_task}: {error.detail}{at_path}") from None


def shown_path(value: str) -> str:
    """The path of a task's value, by which people find that task; "" where it has none.

    It holds no host, no query (but the file of ``/data/local-files/?d=``), no user name or password, and
    nothing of a data: URL. Of a long path the last ``MAX_SHOWN`` characters are kept.
    """
    value = value.strip()
    named = _SCHEME.match(value)
    if len(value) > MAX_URI or (named and named[1].lower() == "data"):
        return ""
    rest = value[named.end() :] if named else value
    if named and not rest.startswith("//"):
        return ""
    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2]
    path, _, query = rest.partition("#")[0].partition("?")
    path = _PARAMETERS.sub("", path)
    if path.rstrip("/").endswith("/data/local-files") and query.startswith("d="):
        path = query[2:].partition("&")[0]
    # An address that cannot be parsed may still hold a user name and a password.
    path = path.rpartition("@")[2] if ":" in path.partition("@")[0] and "@" in path else path
    shown = one_line(path, MAX_URI)
    return shown if len(shown) <= MAX_SHOWN else "…" + shown[1 - MAX_SHOWN :]


def locate(source: ImageSource, options: ImageOptions) -> Location:
    """Where a task's image is. Touches neither the network nor files.

    Raises ImageMissing, ImageForbidden, ImageTooLarge or ImageCorrupt (of a data: URL).
    """
    with naming(source):
        return _locate(source, options)


def _locate(source: ImageSource, options: ImageOptions) -> Location:
    value = source.value.strip()
    if not value:
        raise ImageMissing("the task names no image")
    named = _SCHEME.match(value)
    scheme = named[1].lower() if named else ""
    if scheme == "data":
        return _data_url(value, options)
    site = Site.of(options)
    if scheme in _CLOUD_SCHEMES:
        found = _stored(value)
        return found if site is None else replace(found, url=site.hands_out(value, source.task))
    if scheme or value.startswith("//"):
        return _absolute(value, site, options)
    return _relative(value, site, options)


def _data_url(value: str, options: ImageOptions) -> DataUrl:
    """RFC 2397: ``data:[type][;base64],content``. The type is ignored: decoding finds the real one."""
    head, comma, content = value.partition(",")
    if not comma:
        raise ImageCorrupt("its data: URL has no comma and so no content")
    if len(content) > options.max_image_bytes * 3:
        raise ImageTooLarge(f"its data: URL has more than {options.max_image_mib:g} MiB")
    if content.count("%") > MAX_ESCAPED:
        raise ImageTooLarge("its data: URL is percent-encoded; write it as base64")
    try:
        decoded = unquote_to_bytes(content.encode().translate(None, _BROKEN_LINES))
        if "".join(head.split()).lower().endswith(";base64"):
            decoded = decoded.translate(None, _SPACE)
            decoded = base64.b64decode(decoded + b"=" * (-len(decoded) % 4), validate=True)
    except ValueError:
        raise ImageCorrupt("its data: URL is not base64") from None
    if len(decoded) > options.max_image_bytes:
        raise ImageTooLarge(f"its data: URL has more than {options.max_image_mib:g} MiB")
    return DataUrl(decoded)


def _stored(uri: str, url: httpx.URL | None = None) -> StoredObject:
    """An object by its store's own address, in which keys are not encoded, as Label Studio writes them."""
    found = _CLOUD.fullmatch(uri) if len(uri) <= MAX_URI else None
    if found is None:
        raise ImageForbidden("its address has no usable bucket, or no object in it")
    key = found[3]
    if "\\" in key or _ODD.search(key) or {".", ".."} & set(key.split("/")):
        raise ImageForbidden("its object's name has a backslash, a part of dots or odd characters")
    return StoredObject(found[1].lower(), found[2], key, url)


def _absolute(value: str, site: Site | None, options: ImageOptions) -> Location:
    try:
        url = parse_url(value)
    except ForbiddenUrl as error:
        raise ImageForbidden(f"images may not come from there: {error}") from None
    own = None if site is None else site.own(url)
    return WebImage(url) if own is None else _of_label_studio(own, options)


def _relative(value: str, site: Site | None, options: ImageOptions) -> Location:
    if site is not None:
        url = site.url(value)
        own = site.own(url)
        return WebImage(url) if own is None else _of_label_studio(own, options)
    # Nothing is sent to this address. It only serves to find which file of the mounted folder is meant.
    local = local_path(Site(parse_url("http://label-studio")).url(value))
    if local is not None and options.local_files_document_root is not None:
        return LocalFile(local, None)
    raise ImageMissing("its address has no host; set LABEL_STUDIO_URL to the address of Label Studio")


def _of_label_studio(url: httpx.URL, options: ImageOptions) -> Location:
    local = local_path(url)
    if local is not None and options.local_files_document_root is not None:
        return LocalFile(local, url)
    uri = handed_out(url)
    if uri is not None and _CLOUD.fullmatch(uri):
        return _stored(uri, url)
    return LabelStudioFile(url)


def host_of(location: Location) -> str | None:
    """Who has the image: an origin, a bucket or the mounted folder. None for one in the task itself."""
    match location:
        case DataUrl():
            return None
        case LocalFile():
            return "local files"
        case StoredObject(scheme, bucket):
            return f"{scheme}://{bucket}"
        case _:
            return str(Origin.of(location.url))
