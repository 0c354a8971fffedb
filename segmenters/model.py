"""A model before it is made: what is known of it, and the checkpoint that its publisher gives away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from segmenters.architectures import Architecture, Family
from segmenters.options import ModelOptions
from segmenters.segmenter import Segmenter


@dataclass(frozen=True, slots=True)
class Published:
    """The checkpoint of a model as its publisher gives it.

    ``url``: https, the publisher's. ``sha256``: of the whole file, lower case hex. ``size``: in bytes, None
    where no record has it.
    ``source``: the independent records that ``sha256`` and ``size`` are taken from; no publisher states them
    itself.
    """

    url: str
    sha256: str
    size: int | None
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
    Family.TINYSAM: Licence(
        "Apache-2.0",
        "the authors of TinySAM",
        "https://github.com/xinghaochen/TinySAM/blob/main/LICENSE",
    ),
    Family.SAM2: Licence(
        "Apache-2.0", "Meta Platforms, Inc.", "https://github.com/facebookresearch/sam2/blob/main/LICENSE"
    ),
    Family.EDGETAM: Licence(
        "Apache-2.0", "Meta Platforms, Inc.", "https://github.com/facebookresearch/EdgeTAM/blob/main/LICENSE"
    ),
    Family.HQ_SAM: Licence(
        "Apache-2.0", "the authors of HQ-SAM", "https://github.com/SysCV/sam-hq/blob/main/LICENSE"
    ),
}


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    ``module``: has ``make(name, options)``. ``encoder_mib``: of a process of its encoder with the images in
    work; docs/performance.md has the measurements. ``pixels_mib``, ``embedding_mib``: of one image.
    ``weightless``: whether it needs no weights. ``about``: what the docs say where no publisher gives a
    checkpoint. ``advice``: a sentence for whoever annotates with it. ``gpu``: whether its encoder can compute
    on one. ``rank_on_gpu``, ``rank_on_cpu``: its place in the order in which ``MODEL=auto`` looks for a model
    on such a machine, 1 for the first; 0 is never.
    """

    name: str
    module: str
    encoder_mib: int
    pixels_mib: int = 3
    embedding_mib: int = 4
    weightless: bool = False
    about: str = ""
    advice: str = ""
    gpu: bool = False
    rank_on_gpu: int = 0
    rank_on_cpu: int = 0
    architecture: Architecture | None = None
    published: Published | None = None

    def make(self, options: ModelOptions) -> Segmenter:
        """The segmenter with these options. Its module is imported here, because its libraries load slowly.

        Raises ``values.errors.ModelError`` for files that are missing, damaged or of another model.
        """
        made: Segmenter = import_module(self.module).make(self.name, options)
        return made
