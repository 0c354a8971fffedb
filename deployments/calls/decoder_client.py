"""Which decoder replica is asked about an image: always the same one, which holds its embedding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deployments.calls.call import call
from deployments.calls.large_values import Reference, post
from deployments.loop_offload import off_loop_if_large
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from protocol.click import Click
from protocol.everything import WholePicture
from protocol.finding import Find
from values.box_masks import BoxMasks
from values.click_answer import Busy, ClickAnswer
from values.errors import ImageError
from values.image import ImageSource
from values.priority import Priority

HEAVY = 2 * 2**20
"""Bytes of a click's masks from which on it goes by way of the object store: other messages between replicas
have 4 MiB at most. One mask has 1 MiB."""

FORGET_AT_ONCE = 8
"""Images of one request that are forgotten at the same time."""


class _Sent(NamedTuple):
    """An image as its owner is told of it: ``light`` without a large value, to which ``reference`` leads."""

    key: str
    light: ImageSource
    reference: Reference


class DecoderClient:
    """The decoder replicas, each of which owns the images whose keys lead to it."""

    def __init__(self, decoder: Any, images: ImageOptions, timeout_s: float) -> None:
        self._decoder = decoder
        self._images = images
        self._timeout_s = timeout_s

    async def click(self, click: Click) -> ClickAnswer | Busy:
        """The regions of a click, or that its owner has too much waiting.

        Raises what ``deployments.calls.call.call`` raises.
        """
        answer: ClickAnswer | Busy = await self._ask_about(
            click.image,
            lambda owner, image, left_s: owner.click.remote(
                image.key, replace(click, image=image.light), image.reference, left_s
            ),
            "decoding the click",
            by_reference=sum(0 if each.mask is None else each.mask.nbytes for each in click.prompts) > HEAVY,
        )
        return answer

    async def find(self, find: Find) -> ClickAnswer:
        """The regions of all things that ``find`` asks for.

        Raises what ``deployments.calls.call.call`` raises.
        """
        answer: ClickAnswer = await self._ask_about(
            find.image,
            lambda owner, image, left_s: owner.find.remote(
                image.key, replace(find, image=image.light), image.reference, left_s
            ),
            "finding things",
            by_reference=True,  # the masks of a hundred things may have more than a message holds
        )
        return answer

    async def find_masks(self, find: Find, priority: Priority) -> BoxMasks:
        """The masks of all things that ``find`` asks for, behind all clicks that somebody waits for.

        Raises what ``deployments.calls.call.call`` raises.
        """
        masks: BoxMasks = await self._ask_about(
            find.image,
            lambda owner, image, left_s: owner.find_masks.remote(
                image.key, replace(find, image=image.light), image.reference, left_s, priority
            ),
            "finding things",
            by_reference=True,  # as above
        )
        return masks

    async def example(
        self, source: ImageSource, box: tuple[float, float, float, float], priority: Priority
    ) -> tuple[str, NDArray[np.float32]]:
        """The version of the detector, and the query for what is in a box on an image: see
        ``finders.queries.example``. Raises what ``deployments.calls.call.call`` raises.
        """
        made: tuple[str, NDArray[np.float32]] = await self._ask_about(
            source,
            lambda owner, image, left_s: owner.example.remote(
                image.key, image.light, box, image.reference, left_s, priority
            ),
            "looking at an example",
        )
        return made

    async def annotate(self, click: Click, priority: Priority, *, keep: bool) -> BoxMasks:
        """The masks of a click's prompts, one for each, behind all clicks that somebody waits for.

        ``keep``: whether more of this image will be asked for. Raises what ``deployments.calls.call.call``
        raises.
        """
        masks: BoxMasks = await self._ask_about(
            click.image,
            lambda owner, image, left_s: owner.annotate.remote(
                image.key, replace(click, image=image.light), image.reference, left_s, priority, keep
            ),
            "decoding boxes",
            by_reference=True,  # the masks of some dozen boxes may have more than a message holds
        )
        return masks

    async def everything(self, picture: WholePicture, priority: Priority) -> BoxMasks:
        """The masks of everything in a picture, behind all clicks that somebody waits for.

        Raises what ``deployments.calls.call.call`` raises. Where it is not done in time, asking again goes on
        with what is done.
        """
        masks: BoxMasks = await self._ask_about(
            picture.image,
            lambda owner, image, left_s: owner.everything.remote(
                image.key, replace(picture, image=image.light), image.reference, left_s, priority
            ),
            "looking for everything in a picture",
            by_reference=True,  # some hundred masks have more than a message holds
        )
        return masks

    async def warm(self, source: ImageSource, priority: Priority, *, find: bool = False) -> None:
        """See to it that the image is encoded; ``find``: and that a detector has seen it, where there is one.

        Raises what ``deployments.calls.call.call`` raises.
        """
        await self._ask_about(
            source,
            lambda owner, image, left_s: owner.warm.remote(
                image.key, image.light, image.reference, priority, left_s, find
            ),
            "encoding an image ahead",
        )

    async def store(self, source: ImageSource, *, find: bool = False) -> bool:
        """See to it that the image's embedding is in the durable tier; whether it already was.

        ``find``: what a detector sees in it as well.

        Raises what ``deployments.calls.call.call`` raises.
        """
        stored: bool = await self._ask_about(
            source,
            lambda owner, image, left_s: owner.store.remote(
                image.key, image.light, image.reference, left_s, find
            ),
            "encoding an image for later",
        )
        return stored

    async def forget(self, sources: Sequence[ImageSource]) -> int:
        """Let go of the images' embeddings, in memory and in the durable tier; how many there were.

        Raises what ``deployments.calls.call.call`` raises.
        """
        places = asyncio.Semaphore(FORGET_AT_ONCE)

        async def forget(source: ImageSource) -> bool:
            async with places:
                return await self._forget(source)

        return sum(await asyncio.gather(*map(forget, sources)))

    async def _forget(self, source: ImageSource) -> bool:
        try:
            key = await self._key(source)
        except ImageError:
            return False  # an address that is never read: nothing is kept under it
        forgotten: bool = await self._ask(
            key, [], lambda owner, left_s: owner.forget.remote(key), "forgetting an image"
        )
        return forgotten

    async def _ask_about(
        self,
        source: ImageSource,
        send: Callable[[Any, _Sent, float], Any],
        what: str,
        *,
        by_reference: bool = False,
    ) -> Any:
        """What the image's owner answers, to which a large value of it goes apart."""
        key = await self._key(source)
        image = _Sent(key, *await post(source))
        return await self._ask(
            key,
            image.reference,
            lambda owner, left_s: send(owner, image, left_s),
            what,
            by_reference=by_reference,
        )

    async def _ask(
        self,
        key: str,
        reference: Reference,
        send: Callable[[Any, float], Any],
        what: str,
        *,
        by_reference: bool = False,
    ) -> Any:
        """What the image's owner answers; it is told how many seconds are left."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._timeout_s
        owner = self._owner(key, by_reference=by_reference or bool(reference))
        return await call(lambda: send(owner, until - clock()), timeout_s=self._timeout_s, what=what)

    async def _key(self, source: ImageSource) -> str:
        return image_key(await off_loop_if_large(len(source.value), canonical, source, self._images))

    def _owner(self, key: str, *, by_reference: bool) -> Any:
        # A reference in a message keeps its object alive only where the message itself goes through Ray.
        return self._decoder.options(session_id=key, **({"_by_reference": True} if by_reference else {}))
