"""A checkpoint that a model's publisher gives away: its URL, SHA-256, size and licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segmenters.architectures import Family


@dataclass(frozen=True, slots=True)
class Published:
    """The checkpoint of a model as its publisher gives it.

    ``url``: https, the publisher's. ``sha256``: of the whole file, lower case hex. ``size``: in bytes.
    ``source``: the independent records that ``sha256`` and ``size`` are taken from; no publisher states them
    itself.
    """

    url: str
    sha256: str
    size: int
    source: str

    @property
    def filename(self) -> str:
        """The publisher's own name of the file, which mirrors and the model folder keep."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of a family's weights: its SPDX id, who grants it, the URL of its text."""

    spdx: str
    holder: str
    url: str


LICENCES: Mapping[Family, Licence] = {
    Family.SAM: Licence(
        "Apache-2.0",
        "Meta Platforms, Inc.",
        "https://github.com/facebookresearch/segment-anything/blob/main/LICENSE",
    ),
    Family.MOBILE_SAM: Licence(
        "Apache-2.0",
        "the authors of MobileSAM",
        "https://github.com/ChaoningZhang/MobileSAM/blob/master/LICENSE",
    ),
    Family.SAM2: Licence(
        "Apache-2.0", "Meta Platforms, Inc.", "https://github.com/facebookresearch/sam2/blob/main/LICENSE"
    ),
}
