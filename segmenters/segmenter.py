"""The two verbs of every model, in two halves that load separately: ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Masks
from values.prompt import Prompt


class Encoder(Protocol):
    """The heavy half: once per image, on a GPU where there is one."""

    @property
    def device(self) -> str:
        """Where it computes, known once it has loaded: ``cpu``, ``cuda`` or ``cuda:N``."""
        ...

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """One embedding per image, in order. Images of one batch may differ in size. One call at a time.

        Raises ``values.errors.DeviceFailed`` when the model cannot run, and its
        ``values.errors.OutOfMemory`` where fewer images at once may do.
        """
        ...


class Decoder(Protocol):
    """The light half: once per click, on CPU. Safe to call from several threads at once."""

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """The candidate masks for ``prompt``, whose places are fractions of the picture.

        A single click or box is ambiguous (part or whole?) and may have several candidates; more settle the
        question, and one candidate is left.
        The embedding's arrays may be read-only and are never written. The same input gives the same output.
        Raises ``values.errors.ModelError`` for an embedding that another segmenter made, and
        ``values.errors.DeviceFailed`` when the model cannot run.
        """
        ...


@runtime_checkable
class TakesIdleCores(Protocol):
    """A decoder that can compute one click with more threads than each of several."""

    def take_idle_cores(self, threads: int) -> None:
        """From now on a click that is alone is computed by ``threads`` threads while so many cores idle.

        Raises ``values.errors.ModelError``. Called once, before the first click.
        """
        ...


@runtime_checkable
class PreparesImages(Protocol):
    """A decoder that takes less time for prompts on an image of which it has computed what they share."""

    def prepared(self, embedding: Embedding) -> Embedding | None:
        """The embedding with more arrays, for ``decode`` and ``decode_many`` to take in its place; None where
        that saves nothing.

        It takes about as long as a click, and arrays several times as large. Logits and scores may differ by
        1e-4 from those without it, because sums are formed in another order. Raises what ``decode`` raises.
        """
        ...


class EmbeddingModel(Protocol):
    """What makes embeddings, as a description: small, picklable, without weights, so that it travels to every
    replica. A segmenter is one, and so is a detector.

    Options of a model (checkpoint, runtime, device) are fields of its own class; its halves read them when
    they load, in the process that will run them.
    """

    @property
    def version(self) -> str:
        """Names model, weights and preprocessing, such as ``classical-3``.

        It is in ``model_version``, in ``Embedding.segmenter`` and in cache keys, so it changes whenever
        older embeddings stop being decodable.
        """
        ...

    @property
    def input(self) -> ModelSize:
        """The size in which the encoder takes images."""
        ...

    def load_encoder(self, threads: int) -> Encoder:
        """Load the encoder half into this process, to use ``threads`` cores if it runs on CPU.

        Raises ``values.errors.ModelError``. May take minutes when weights have to be fetched.
        """
        ...


class Segmenter(EmbeddingModel, Protocol):
    """A model whose embeddings become masks."""

    @property
    def name(self) -> str:
        """The registry's name, such as ``classical``."""
        ...

    @property
    def refines(self) -> bool:
        """Whether its decoder refines the low-res logits of an earlier answer."""
        ...

    def load_decoder(self, threads: int) -> Decoder:
        """Load the decoder half into this process, to use ``threads`` cores for each click on CPU.

        Raises ``values.errors.ModelError``. May take minutes when weights have to be fetched.
        """
        ...
