"""Decoding images away from everything else, in processes that can be ended: ``decoding_processes``."""

from __future__ import annotations

import errno
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concurrency.abandonable import AbandonableWorker
from concurrency.priority_slots import Share, Shares, Urgency
from imaging.decoding_processes.attempts import Job, Refusals, attempt
from imaging.decoding_processes.client import WORK
from imaging.decoding_processes.pool import processes
from imaging.options import ImageOptions
from values.errors import ImageCorrupt, ImageError, Overloaded, error_classes
from values.evidence import Content
from values.exhaustion import out_of
from values.image import ModelSize, Pixels
from values.one_line import one_line
from values.options import SIDE_LIMIT

DECODES_AT_ONCE = 5
"""Images in memory, decoded, at any one time; what waits holds compressed bytes only."""

KEPT_FOR_URGENT = 2
"""Of those places, what images that nobody waits for leave alone."""

OF_A_PROJECT = DECODES_AT_ONCE - 1
OF_A_PROJECTS_HOST = OF_A_PROJECT - 1
"""What one project may have of them, and of one host: so the rest is for others, of another project or only
of another host, when all of these are slow."""

_LONGEST_DETAIL = 300
_ERRORS = {kind.code: kind for kind in error_classes(ImageError)}


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose image it is, and where it came from; "" for what was in the task itself."""

    project: str = ""
    host: str = ""

    @property
    def shares(self) -> Shares:
        """What it counts for."""
        return (Share(self.project, OF_A_PROJECT), Share((self.project, self.host), OF_A_PROJECTS_HOST))


class Decoders:
    """Decodes images within the limits of its options; used from one event loop."""

    def __init__(self, options: ImageOptions) -> None:
        self._options = options
        self._worker = AbandonableWorker(
            DECODES_AT_ONCE, options.decode_timeout_s, "decoding it", reserved=KEPT_FOR_URGENT
        )

    @property
    def wanted(self) -> int:
        """Images that are decoded or wait for it."""
        return self._worker.wanted

    async def decode(
        self,
        data: Content,
        size: ModelSize,
        urgent: bool | Urgency = True,
        whose: Whose = Whose(),
    ) -> Pixels:
        """The pixels of an image file at model size; ``urgent``: whether somebody waits for it.

        ``whose`` it is says what it has to leave to others.

        Raises what ``imaging.decoding.decode`` raises, ImageTimeout, or Overloaded when too many wait or
        the machine lacks something.
        """
        return await self._worker.run(partial(self._decode, data, size), urgent, whose.shares)

    def _decode(self, data: Content, size: ModelSize) -> Pixels:
        about = {"size": asdict(size), "max_image_megapixels": self._options.max_image_megapixels}
        try:
            return attempt(
                processes(),
                Job(about, data, _most_bytes(size)),
                self._options.decode_timeout_s,
                partial(_pixels, size=size),
                Refusals(self._worker.late, _corrupt, _killed),
            )
        except MemoryError:  # in this process, where no picture is decoded
            raise out_of(errno.ENOMEM, WORK) from None


def _corrupt() -> ImageCorrupt:
    return ImageCorrupt("the file breaks its decoder; export or upload it again")


def _killed() -> Overloaded:
    return Overloaded(
        "the system ended the process that decoded an image, most likely for want of memory; give the "
        "machine or the container more of it, run fewer replicas there, or lower MAX_IMAGE_MEGAPIXELS"
    )


def _most_bytes(size: ModelSize) -> int:
    return size.side * size.side * 3 * 4 + 2**16


def _pixels(head: dict[str, Any], content: bytearray, size: ModelSize) -> Pixels:
    """What a process answered, which a file may have taken over: nothing of it is believed.

    Raises ValueError, KeyError or TypeError for what no image has.
    """
    if "error" in head:
        raise _ERRORS[head["error"]](one_line(head["detail"], _LONGEST_DETAIL))
    width, height = head["width"], head["height"]
    if not all(type(side) is int and 1 <= side <= SIDE_LIMIT for side in (width, height)):
        raise ValueError("no size of an image")
    columns, rows = size.scaled(width, height)
    rgb: NDArray[np.float32] | NDArray[np.uint8]
    rgb = np.frombuffer(content, np.float32) if size.fractions else np.frombuffer(content, np.uint8)
    return Pixels(rgb.reshape(rows, columns, 3), width, height)
