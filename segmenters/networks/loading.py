"""Loads the weights of a checkpoint into the halves of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from segmenters.architectures import LOW_RES, SIDE, Architecture, Family
from segmenters.networks.checkpoint_file import out_of_memory, read, recognise
from segmenters.runtimes.session import Half
from values.errors import ModelError

_NAMED = 3  # keys that an error names


def load(architecture: Architecture, half: Half, checkpoint: Path) -> nn.Module:
    """``half`` with the weights of ``checkpoint``, in float32 on the CPU, for inference.

    Every weight of the half has to be there in its shape, and nothing unknown. Only the half stays in memory.
    Raises ``values.errors.ModelError`` for a file that is missing, damaged or of another model, and when
    memory is short.
    """
    try:
        return _load(architecture, half, checkpoint)
    except (MemoryError, OSError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
    raise ModelError(
        f"not enough memory for the {half} of {architecture.name} from {checkpoint}; choose a smaller model "
        "or give this process more memory"
    )


def model_of(checkpoint: Path) -> str | None:
    """The name of the model that ``checkpoint`` is of, or None; only keys and shapes are read.

    Raises ``values.errors.ModelError`` for a file that is missing or damaged.
    """
    return _looks_like(read(checkpoint))


def check(architecture: Architecture, checkpoint: Path) -> None:
    """Raises ``values.errors.ModelError`` where ``checkpoint`` is one of another model, missing or damaged.

    Only keys and shapes are read.
    """
    _check(architecture, checkpoint, read(checkpoint))


def example(architecture: Architecture, half: Half) -> dict[str, Tensor]:
    """Inputs by name, in the order in which the half's ``forward`` takes them: zeros, and two points."""
    if half is Half.ENCODER:
        return {"image": torch.zeros(1, 3, SIDE, SIDE)}
    image = {name: torch.zeros(1, *shape) for name, shape in architecture.outputs.items()}
    return image | {
        "point_coords": torch.zeros(1, 2, 2),
        "point_labels": torch.tensor([[1.0, -1.0]]),
        "mask_input": torch.zeros(1, 1, LOW_RES, LOW_RES),
        "has_mask_input": torch.zeros(1),
    }


def outputs(architecture: Architecture, half: Half) -> tuple[str, ...]:
    """The names of what the half's ``forward`` gives, in order."""
    return tuple(architecture.outputs) if half is Half.ENCODER else ("low_res_masks", "iou_predictions")


def _load(architecture: Architecture, half: Half, checkpoint: Path) -> nn.Module:
    weights = read(checkpoint)
    _check(architecture, checkpoint, weights)
    family = _family(architecture)
    module: nn.Module = family.build(architecture, half)
    state: dict[str, Tensor] = family.rename(weights, half)
    complaint = misfit(module.state_dict(), state)
    if complaint:
        raise ModelError(
            f"the checkpoint {checkpoint} does not fit the {half} of {architecture.name}: {complaint}; give "
            "the publisher's checkpoint or one that was fine-tuned from it"
        )
    # Copies, because views would keep the file open and read it during the first images.
    copies = {key: value.detach().to(torch.float32, copy=True) for key, value in state.items()}
    module.load_state_dict(copies, assign=True)
    return module.eval().requires_grad_(False)


def _check(architecture: Architecture, checkpoint: Path, weights: Mapping[str, Tensor]) -> None:
    looks_like = _looks_like(weights)
    if looks_like not in (None, architecture.like):
        raise ModelError(
            f"the checkpoint {checkpoint} is not one of {architecture.name}: its keys and shapes look like "
            f"{looks_like}; choose the model {looks_like}, or give a checkpoint of {architecture.name}"
        )


def _looks_like(weights: Mapping[str, Tensor]) -> str | None:
    return recognise({key: tuple(value.shape) for key, value in weights.items()})


def _family(architecture: Architecture) -> ModuleType:
    # Imported here because SAM 2's needs transformers, seconds that no other model should wait.
    if architecture.family is Family.SAM2:
        from segmenters.networks import sam2

        return sam2
    if architecture.family is Family.EDGETAM:
        from segmenters.networks import edgetam

        return edgetam
    if architecture.family is Family.HQ_SAM:
        from segmenters.networks import hq_sam

        return hq_sam
    from segmenters.networks import mobile_sam, sam

    return sam if architecture.family is Family.SAM else mobile_sam


def misfit(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """The entries of ``state`` that do not fit a module's, for a sentence; empty where all fit."""
    missing = [key for key in expected if key not in state]
    unknown = [key for key in state if key not in expected]
    wrong = [
        f"{key} of {_shape(state[key])} instead of {_shape(value)}"
        for key, value in expected.items()
        if key in state and (state[key].shape != value.shape or not state[key].is_floating_point())
    ]
    parts = ((missing, "missing"), (unknown, "unknown"), (wrong, "of another shape or type"))
    return ", ".join(f"{_some(keys)} {what}" for keys, what in parts if keys)


def _some(keys: Sequence[str]) -> str:
    rest = len(keys) - _NAMED
    names = ", ".join(keys[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    return f"{len(keys)} {'entry' if len(keys) == 1 else 'entries'} ({names})"


def _shape(value: Tensor) -> str:
    kind = "" if value.is_floating_point() else f" {value.dtype}".replace("torch.", "")
    return ("x".join(map(str, value.shape)) or "one number") + kind
