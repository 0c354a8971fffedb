"""Which decoder replica is asked about an image: always the same one, which holds its embedding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from deployments.calls import call
from deployments.decoder import ClickAnswer
from deployments.parcels import LARGE, post
from embeddings.key import image_key
from imaging.identity import canonical
from imaging.options import ImageOptions
from protocol.click import Click
from values.image import ImageSource

T = TypeVar("T")


class Owners:
    """The decoder replicas, each of which owns the images whose keys lead to it."""

    def __init__(self, decoder: Any, images: ImageOptions, segmenter: str, timeout_s: float) -> None:
        self._decoder = decoder
        self._images = images
        self._segmenter = segmenter
        self._timeout_s = timeout_s

    async def click(self, click: Click) -> ClickAnswer:
        """The regions of a click. Raises what :func:`deployments.calls.call` raises."""
        key = await self._key(click.image)
        light, parcel = await post(click.image)
        decoder = self._owner(key, by_reference=bool(parcel))
        answer: ClickAnswer = await call(
            lambda: decoder.click.remote(key, replace(click, image=light), parcel),
            timeout_s=self._timeout_s,
            what="decoding the click",
        )
        return answer

    async def warm(self, source: ImageSource, *, urgent: bool) -> None:
        """See to it that the image is encoded. Raises what :func:`deployments.calls.call` raises.

        ``urgent``: somebody is about to click on it; else it comes behind everything that somebody waits for.
        """
        key = await self._key(source)
        light, parcel = await post(source)
        decoder = self._owner(key, by_reference=bool(parcel))
        await call(
            lambda: decoder.warm.remote(key, light, parcel, urgent),
            timeout_s=self._timeout_s,
            what="encoding an image ahead",
        )

    async def store(self, source: ImageSource) -> bool:
        """See to it that the image's embedding is in the durable tier; whether it already was.

        Raises what :func:`deployments.calls.call` raises.
        """
        key = await self._key(source)
        light, parcel = await post(source)
        decoder = self._owner(key, by_reference=bool(parcel))
        stored: bool = await call(
            lambda: decoder.store.remote(key, light, parcel),
            timeout_s=self._timeout_s,
            what="encoding an image for later",
        )
        return stored

    async def _key(self, source: ImageSource) -> str:
        image = await off_loop_if_large(len(source.value), canonical, source, self._images)
        return image_key(image, self._segmenter)

    def _owner(self, key: str, *, by_reference: bool) -> Any:
        # A reference in a message keeps its object alive only where the message itself goes through Ray.
        return self._decoder.options(session_id=key, **({"_by_reference": True} if by_reference else {}))


async def off_loop_if_large(size: int, read: Callable[..., T], *args: Any) -> T:
    """``read(*args)``, in a thread when it would keep the event loop from answering /health.

    ``size``: bytes or characters; drafts with many masks and data: URLs are megabytes.
    """
    return await asyncio.to_thread(read, *args) if size > LARGE else read(*args)
