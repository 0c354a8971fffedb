"""The runtimes that can run a half of a model on CPU, for comparison with torch in float32."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.models import official
from segmenters.checkpoints.digest import sha256_of
from segmenters.checkpoints.locate import Checkpoint
from segmenters.models import PUBLISHED
from segmenters.runtimes.exported_graphs import exported
from segmenters.runtimes.session import Half
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.segmenter import SamEncoder, SegmentAnything
from testing.weights import checkpoints

OFFICIAL = "official torch"
BFLOAT16 = ":bfloat16"


@dataclass(frozen=True, slots=True)
class Contender:
    """A runtime in a precision, on a device."""

    runtime: Runtime
    bfloat16: bool = False
    device: str = "cpu"

    def __str__(self) -> str:
        where = "" if self.device == "cpu" else f" on {self.device}"
        return f"{self.runtime}{BFLOAT16 if self.bfloat16 else ''}{where}"

    def of(self, model: SegmentAnything) -> SegmentAnything:
        """The model, to be run by this."""
        precision = "bfloat16" if self.bfloat16 else "float32"
        return replace(model, execution=Execution(self.device, self.device, self.runtime, precision))


BASELINE = Contender(Runtime.TORCH)


def read_contender(text: str) -> Contender:
    """``torch``, ``onnxruntime`` or ``openvino``, perhaps with ``:bfloat16``.

    Raises ValueError for anything else.
    """
    name = text.removesuffix(BFLOAT16)
    if name not in set(Runtime):
        raise ValueError(f"{text!r} is no runtime; there are {', '.join(Runtime)}, and those with {BFLOAT16}")
    contender = Contender(Runtime(name), text.endswith(BFLOAT16))
    if contender.bfloat16 and contender.runtime is Runtime.ONNXRUNTIME:
        raise ValueError("onnxruntime has no bfloat16 on CPU; leave it out or take openvino:bfloat16")
    return contender


def described(name: str, folder: Path, published: Path | None) -> SegmentAnything:
    """The model ``name`` with its published checkpoint from ``published``, or else with stand-in weights.

    Raises ValueError when there are neither, and ``values.errors.ModelError`` for a damaged file.
    """
    entry = PUBLISHED.get(name)
    if entry is None:
        raise ValueError(f"{name!r} is no model; there are {', '.join(PUBLISHED)}")
    if published is not None and (published / entry.filename).exists():
        path = (published / entry.filename).absolute()
        checkpoint = Checkpoint(path, entry.sha256, None, name)
    elif name in checkpoints.MODELS:
        path = folder / f"{name}.pt"
        if not path.exists():
            checkpoints.write(name, path)
        checkpoint = Checkpoint(path, sha256_of(path), None, name)
    else:
        raise ValueError(
            f"there are no stand-in weights of {name}; give --checkpoints the folder of {entry.filename}"
        )
    return SegmentAnything(name, checkpoint, Execution("cpu"), folder)


def stands_in(model: SegmentAnything) -> bool:
    """Whether the weights are stand-ins, which find nothing in an image."""
    return model.checkpoint.sha256 != PUBLISHED[model.name].sha256


def encoders(model: SegmentAnything, contenders: list[Contender], threads: int) -> dict[str, SamEncoder]:
    """The encoder half in each contender, after the publisher's own network."""
    found = {}
    network = official.network(model.architecture, model.checkpoint.path, threads)
    if network is not None:
        features = official.OfficialFeatures(network, model.architecture.family)
        found[OFFICIAL] = SamEncoder(features, model.version)
    return found | {
        str(each): _exported(each.of(model), Half.ENCODER).load_encoder(threads) for each in contenders
    }


def decoders(model: SegmentAnything, contenders: list[Contender], threads: int) -> dict[str, SamDecoder]:
    """The decoder half in each contender, after the publisher's own network."""
    found = {}
    network = official.network(model.architecture, model.checkpoint.path, threads)
    if network is not None:
        session = official.OfficialSession(network, model.architecture.family)
        found[OFFICIAL] = SamDecoder(session, model.architecture.family, model.version)
    return found | {
        str(each): _exported(each.of(model), Half.DECODER).load_decoder(threads) for each in contenders
    }


def _exported(model: SegmentAnything, half: Half) -> SegmentAnything:
    """The model, once its graph is exported. Without a graph torch would run it, under the wrong name."""
    if model.execution.runtime is not Runtime.TORCH:
        weights = model.weights()
        exported(weights.architecture, half, weights.checkpoint, weights.sha256, weights.folder)
    return model
