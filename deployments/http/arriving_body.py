"""``receive`` of a request that knows when the body is whole: until then its parts are waited for."""

from __future__ import annotations

from starlette.types import Message, Receive


class ArrivingBody:
    """Called like ``receive``. What derives from it says in ``_part`` how a part is waited for."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = False

    async def __call__(self) -> Message:
        """The next message."""
        if self._whole:
            return await self._receive()
        message = await self._part()
        self._whole = not message.get("more_body", False)
        return message

    async def _part(self) -> Message:
        """The next part of the body, or that the client has left."""
        return await self._receive()
