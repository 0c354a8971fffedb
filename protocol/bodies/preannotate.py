"""What ``POST /preannotate`` has beside tasks: what is asked for instead of masks of their boxes."""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocol.bodies.json_text import decode_body
from values.options import GRID_LIMIT


class Everything(msgspec.Struct, frozen=True):
    """Masks of everything in the pictures. ``points_per_side``: of the grid, None for the setting's."""

    points_per_side: Annotated[int, msgspec.Meta(ge=1, le=GRID_LIMIT)] | None = None


class _Body(msgspec.Struct):
    everything: Everything | None = None


_BODY = msgspec.json.Decoder(_Body)


def read_everything(body: bytes, where: str) -> Everything | None:
    """What of everything a request asks for; None where it is about boxes.

    Raises BadRequest as ``protocol.bodies.predict.read_predict`` does.
    """
    return decode_body(body, _BODY, where).everything
