"""The identity of an image, which is the same for every spelling of its address; and the key made of it.

A signature changes from one visit to the next, so its parameters are dropped, but only together with their
family, because ``Expires`` alone may select an image. Families: AWS signature 4 (``X-Amz-*``) and 2,
CloudFront, Google Cloud Storage (``X-Goog-*`` and the older form), and Azure's shared access signature.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qsl, urlencode

import httpx

from imaging.options import ImageOptions
from imaging.sources import locate
from label_studio.site import local_path
from net.addresses import Origin
from values.image import ImageSource
from values.locations import DataUrl, LabelStudioFile, LocalFile, Location, StoredObject

_AZURE = frozenset(
    {"sv", "ss", "srt", "sr", "sp", "st", "se", "spr", "sip", "sig", "si", "sdd", "ses"}
    | {"skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid"}
)
_FAMILIES: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    # (parameters that must all be there, parameters that go with them)
    (frozenset({"signature", "awsaccesskeyid"}), frozenset({"expires"})),
    (frozenset({"signature", "googleaccessid"}), frozenset({"expires"})),
    (frozenset({"signature", "key-pair-id"}), frozenset({"expires", "policy"})),
    (frozenset({"sig", "sv"}), _AZURE),
)
_PREFIXES = ("x-amz-", "x-goog-")
_TOKENS = frozenset({"token", "access_token", "auth_token", "private_token"})
_IMAGE_FILE = re.compile(r"\.(jpe?g|png|webp|avif|bmp|gif|ico|tiff?)$", re.IGNORECASE)


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


def unsigned_query(url: httpx.URL) -> str:
    """The query of ``url`` without its signature, still encoded; parameters keep their order."""
    query = parse_qsl(url.query.decode("ascii"), keep_blank_values=True)
    names = {name.lower() for name, _ in query}
    dropped: set[str] = set()
    for required, companions in _FAMILIES:
        if required <= names:
            dropped |= required | companions
    # In the URL of an image file a token says who asks. In other URLs it may say which image is meant.
    if _IMAGE_FILE.search(url.path):
        dropped |= _TOKENS
    kept = [
        (name, value)
        for name, value in query
        if name.lower() not in dropped and not name.lower().startswith(_PREFIXES)
    ]
    return urlencode(kept)


def image_key(image: str) -> str:
    """40 hex digits that name one image as seen by one project.

    ``image``: the canonical identity of the image. It holds the Label Studio origin and the project, so that
    an embedding is never found by somebody who could not have read the image.

    The segmenter is not in it: while a new model is rolled out, an image keeps its place among the decoders
    whichever of both models a caller knows. What is kept under the key says itself who made it.
    """
    return hashlib.sha256(image.encode()).hexdigest()[:40]
