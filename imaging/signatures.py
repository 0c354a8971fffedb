"""Which parameters of a URL's query are a signature, which changes from one visit to the next.

A parameter is dropped only together with its family, because ``Expires`` alone may select an image. Families:
AWS signature 4 (``X-Amz-*``) and 2, CloudFront, Google Cloud Storage (``X-Goog-*`` and the older form), and
Azure's shared access signature.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import httpx

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
