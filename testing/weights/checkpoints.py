"""Checkpoint files with stand-in weights, in the publishers' formats."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import safetensors.torch
import torch

from testing.weights import sizes
from testing.weights.generated import tensor

_FOLDER = Path(__file__).parent
# One of each family: those whose keys and shapes are in a table. EdgeTAM's lacks what only a video needs.
MODELS = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


@cache
def shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Every key of the official checkpoint with its shape; of any model of the family."""
    if model == "tinysam":  # MobileSAM's network
        return shapes("mobile_sam")
    if model == "sam_hq_vit_tiny":
        return sizes.hq_sam(shapes("mobile_sam"), early=160)
    if model == "sam_hq_vit_h":
        return sizes.hq_sam(shapes("sam_vit_h"), early=1280)
    if model not in MODELS:
        derive, table_of = (sizes.sam2, "sam2.1_hiera_tiny") if "hiera" in model else (sizes.sam, "sam_vit_b")
        return derive(model, shapes(table_of))
    table: dict[str, list[int]] = json.loads((_FOLDER / f"{model}.json").read_text())
    return {key: tuple(shape) for key, shape in table.items()}


def state_dict(model: str, salt: str = "") -> dict[str, torch.Tensor]:
    """The official keys with stand-in values."""
    return {key: torch.from_numpy(tensor(key, shape, salt)) for key, shape in shapes(model).items()}


def write(model: str, path: Path, salt: str = "") -> Path:
    """A checkpoint as published, the keys of SAM 2 and EdgeTAM under ``model``; or as safetensors."""
    weights = state_dict(model, salt)
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(weights, path)
    else:
        torch.save({"model": weights} if model.startswith(("sam2", "edgetam")) else weights, path)
    return path
