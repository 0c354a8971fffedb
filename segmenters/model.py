"""A model before it is made: what names, sizes, lists and ``MODEL=auto`` need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from segmenters.architectures import Architecture
from segmenters.checkpoints.published import Published
from segmenters.options import ModelOptions
from segmenters.segmenter import Segmenter


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    ``module``: has ``make(name, options)``. ``encoder_mib``: of a process of its encoder with the images in
    work; docs/performance.md has the measurements. ``pixels_mib``, ``embedding_mib``: of one image.
    ``weightless``: whether it needs no weights. ``about``: what the docs say where no publisher gives a
    checkpoint. ``gpu``: whether its encoder can compute on one. ``rank_on_gpu``, ``rank_on_cpu``: its place
    in the order in which ``MODEL=auto`` looks for a model on such a machine, 1 for the first; 0 is never.
    """

    name: str
    module: str
    encoder_mib: int
    pixels_mib: int = 3
    embedding_mib: int = 4
    weightless: bool = False
    about: str = ""
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
