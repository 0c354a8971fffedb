"""The identity of an image, which is the same for every spelling of its address."""

from __future__ import annotations

import hashlib

import httpx

from imaging.options import ImageOptions
from imaging.signatures import unsigned_query
from imaging.sources import locate
from label_studio.site import local_path
from net.addresses import Origin
from values.image import ImageSource
from values.locations import DataUrl, LabelStudioFile, LocalFile, Location, StoredObject


def canonical(source: ImageSource, options: ImageOptions) -> str:
    """The identity of an image, for cache keys; two signed URLs of one object have the same one.

    It holds Label Studio's address and the project, because they decide who may see the image. Query strings
    are in it as a hash, without their signatures. Raises like ``sources.locate``.
    """
    return f"{options.label_studio_url or ''}|{source.project}|{_place(locate(source, options))}"


def _place(location: Location) -> str:
    match location:
        case DataUrl(content):
            return "data:" + hashlib.sha256(content).hexdigest()
        case LocalFile(path):
            return "local:" + path
        case StoredObject(scheme, bucket, key):
            return f"{scheme}://{bucket}/{key}"
        case LabelStudioFile(url) if (named := local_path(url)) is not None:
            return "local:" + named
        case _:
            return _address(location.url)


def _address(url: httpx.URL) -> str:
    query = unsigned_query(url)
    hashed = "?" + hashlib.sha256(query.encode()).hexdigest() if query else ""
    return f"{Origin.of(url)}{url.raw_path.partition(b'?')[0].decode('ascii')}{hashed}"
