"""What the durable tier holds of one maker, without reading any of it."""

from __future__ import annotations

import asyncio
import hashlib

import obstore

from embeddings.durable_location import is_object_name, parse_place, why
from embeddings.options import DurableOptions
from values.errors import ServiceError

_PAGE = 1000


class Unlisted(ServiceError):
    """The place cannot be listed; the sentence says what to mend."""


async def stamps(options: DurableOptions, segmenter: str) -> dict[str, int]:
    """The keys of all embeddings by ``segmenter``, each with a number of 64 bits for what is there now.

    One that is written again has another number, by its time and its size. A bucket sends a thousand for a
    request. Raises Unlisted where the place does not answer, each page within the time limit of the tier, and
    ValueError without a place.
    """
    if options.durable is None:
        raise ValueError("there is no durable tier without a place for it")
    place = parse_place(options.durable)
    found: dict[str, int] = {}
    try:
        store = await place.open(options.durable_timeout_s)
        pages = aiter(obstore.list(store, segmenter, chunk_size=_PAGE))
        while True:
            async with asyncio.timeout(options.durable_timeout_s):
                page = await anext(pages, None)
            if page is None:
                return found
            for each in page:
                if is_object_name(each["path"]):
                    key = each["path"].rpartition("/")[2].removesuffix(".safetensors")
                    found[key] = _stamp(f"{each['last_modified'].timestamp()} {each['size']}")
    except Exception as error:
        raise Unlisted(f"embeddings cannot be listed in {place} ({why(error)}); {place.remedy}") from None


def _stamp(said: str) -> int:
    return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest(), "little")
