"""The architectures of the Segment Anything family: what a model is without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from values.image import ModelSize


class Family(StrEnum):
    """Models whose checkpoints have keys of the same kind."""

    SAM = "sam"
    MOBILE_SAM = "mobile_sam"
    TINYSAM = "tinysam"
    SAM2 = "sam2"
    EDGETAM = "edgetam"
    HQ_SAM = "hq_sam"

    @property
    def as_sam2(self) -> bool:
        """Whether images, prompts and masks are those of SAM 2, whose decoder EdgeTAM has."""
        return self in (Family.SAM2, Family.EDGETAM)


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture of the family.

    ``parameters``: millions of weights in the official checkpoint. ``outputs``: the encoder's arrays by name,
    with the shape of one image, all float32. ``like``: the architecture that has the same network, and so the
    same keys; its own name where none has.
    """

    name: str
    family: Family
    parameters: float
    like: str = ""

    def __post_init__(self) -> None:
        """The own name is the default of ``like``."""
        object.__setattr__(self, "like", self.like or self.name)

    @property
    def input(self) -> ModelSize:
        """SAM keeps the aspect and pads; SAM 2 squashes the image to a square and does not round."""
        if self.family.as_sam2:
            return ModelSize(SIDE, keep_aspect=False, fractions=True)
        return ModelSize(SIDE)

    @property
    def outputs(self) -> Mapping[str, tuple[int, int, int]]:
        """Arrays of an image embedding: name -> (channels, height, width)."""
        low = {"image_embeddings": (256, 64, 64)}
        if self.family is Family.HQ_SAM:
            return low | {"hq_features": (32, 256, 256)}
        if not self.family.as_sam2:
            return low
        return low | {"high_res_0": (32, 256, 256), "high_res_1": (64, 128, 128)}

    @property
    def shared(self) -> tuple[str, ...]:
        """Names of what is computed once for all prompts on an image."""
        if self.family is Family.HQ_SAM:
            return SHARED + HQ
        return SHARED + FINER if self.family.as_sam2 else SHARED


SHARED = (
    *("keys_0", "values_0", "asked_0", "own_0", "crossed_0"),
    *("keys_1", "key_places_1", "values_1", "asked_1", "asked_places_1", "own_1", "crossed_1"),
    *("keys_2", "key_places_2", "values_2", "upscaled"),
)
"""What ``segmenters.networks.prompt_batch`` computes of an image for all prompts on it, in its order."""

FINER = ("fine", "finest")
"""The same of SAM 2's finer features, after those."""

HQ = ("hq",)
"""The same of HQ-SAM's features, after those."""

SIDE = 1024  # pixels, of every encoder's input
LOW_RES = 256  # pixels, of the decoder's masks and of its mask input

# ImageNet's mean and standard deviation of RGB in 0..255, which all models of the family were trained with.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
