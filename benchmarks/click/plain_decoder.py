"""The application with a decoder that takes no idle cores and prepares no image, to compare with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ray.serve import Application

from segmenters import registry
from segmenters.many_prompts import segment_many
from segmenters.segmenter import Decoder, Encoder, Segmenter
from serve_app.app import build as build_app
from serve_app.settings import Settings
from values.embedding import Embedding
from values.image import ModelSize
from values.masks import Masks
from values.prompt import Prompt


@dataclass(frozen=True)
class Plain:
    """``of``, each of whose clicks is computed as the first on its image, on a core of its own."""

    of: Segmenter

    @property
    def name(self) -> str:
        """The model's."""
        return self.of.name

    @property
    def version(self) -> str:
        """The model's."""
        return self.of.version

    @property
    def input(self) -> ModelSize:
        """The model's."""
        return self.of.input

    @property
    def refines(self) -> bool:
        """The model's."""
        return self.of.refines

    def load_encoder(self, threads: int) -> Encoder:
        """The model's."""
        return self.of.load_encoder(threads)

    def load_decoder(self, threads: int) -> Decoder:
        """The model's, without its ways to take less time."""
        return PlainDecoder(self.of.load_decoder(threads))


class PlainDecoder:
    """The two ways to decode of another decoder, and nothing else of it."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """The decoder's."""
        return self._decoder.decode(embedding, prompt)

    def decode_many(self, embedding: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        """The decoder's."""
        return segment_many(self._decoder, embedding, prompts)


def build(settings: Settings) -> Application:
    """The application with the model that the settings name."""
    choose = registry.choose
    registry.choose = lambda options, *, gpu=False: replace(
        found := choose(options, gpu=gpu), segmenter=Plain(found.segmenter)
    )
    try:
        return build_app(settings)
    finally:
        registry.choose = choose
