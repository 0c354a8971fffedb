"""Checkpoint files: read without running what is in them, and told apart by their keys."""

from __future__ import annotations

import errno
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import safetensors.torch
import torch
from torch import Tensor

from segmenters.checkpoints.locate import usual_mistake
from segmenters.networks import left_out
from segmenters.runtimes.session import first_line
from values.errors import ModelError

# Where training scripts keep the weights: SAM 2's publishers, most others, and torch-em, so micro-sam.
_WRAPPERS = ("model", "state_dict", "model_state")
# The prefixes that DistributedDataParallel and micro-sam's module for training give each key.
_PREFIXES = ("module.", "sam.")

Shapes = Mapping[str, tuple[int, ...]]

# Channels of the first map, and for SAM 2 the last block, decide the size.
_SAM = {768: "sam_vit_b", 1024: "sam_vit_l", 1280: "sam_vit_h"}
_HQ_SAM = {"mobile_sam": "sam_hq_vit_tiny", "sam_vit_h": "sam_hq_vit_h"}
_SAM2 = {(96, 11): "tiny", (96, 15): "small", (112, 23): "base_plus", (144, 47): "large"}

_SAM_PATCHES = "image_encoder.patch_embed.proj.weight"
_SAM2_PATCHES = "image_encoder.trunk.patch_embed.proj.weight"
_REP_VIT = "image_encoder.trunk.body.stem.conv1.c.weight"
_TINY_VIT = "image_encoder.patch_embed.seq.0.c.weight"
_NECK = "image_encoder.neck.0.weight"
_HQ_MLP = "mask_decoder.hf_mlp.layers.0.weight"

# Both versions have a memory of earlier frames; only 2.1 tells it that an object is hidden.
_MEMORY = "maskmem_tpos_enc"
_HIDDEN = "no_obj_embed_spatial"


def read(path: Path) -> dict[str, Tensor]:
    """The weights in a file of ``torch.save`` or safetensors, by key, without whatever is stored beside them.

    Tensors are views of the file where its format allows, so that only what is copied takes memory. Raises
    ``values.errors.ModelError`` for a file that is missing, damaged or something else, and for one that
    holds Python objects, unless a trainer put them beside a mapping of weights.
    """
    content: object = _content(path)
    while (inner := _wrapped(content)) is not None:
        content = inner
    weights = _tensors(content)
    if not weights:
        raise ModelError(f"{path} is not a checkpoint: it holds no tensors by name; {_REMEDY}")
    while (prefix := next((each for each in _PREFIXES if _all_begin(weights, each)), None)) is not None:
        weights = {key.removeprefix(prefix): value for key, value in weights.items()}
    return weights


def recognise(shapes: Shapes) -> str | None:
    """``Architecture.like`` of the model that a checkpoint is of, or None.

    ``shapes``: of all entries of the checkpoint, by their official keys. A checkpoint with the encoder of a
    model is one of that model, whatever else is missing or too many. SAM 2 without what a video needs is
    None, because versions 2.0 and 2.1 differ in nothing else but values.
    """
    if _HQ_MLP in shapes:
        of_sam = recognise({key: shape for key, shape in shapes.items() if key != _HQ_MLP})
        return _HQ_SAM.get(of_sam or "")
    if _TINY_VIT in shapes:
        return "mobile_sam" if shapes.get(_NECK) == (256, 320, 1, 1) else None
    if _SAM_PATCHES in shapes:
        return _SAM.get(shapes[_SAM_PATCHES][0])
    if _SAM2_PATCHES in shapes:
        return _sam2(shapes)
    if _REP_VIT in shapes:
        return "edgetam" if shapes[_REP_VIT] == (24, 3, 3, 3) else None
    return None


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of reading or copying weights means that memory is short."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return "allocate memory" in str(error)


_REMEDY = "put the file of the model's publisher there, or download it again"


def _content(path: Path) -> object:
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ModelError(f"cannot read the checkpoint {path}: {error.strerror}") from None
    described = usual_mistake(start)
    if described is not None:
        raise ModelError(f"{path} is not a checkpoint but {described}; {_REMEDY}")
    try:
        try:
            return _loaded(path, start)
        except UnpicklingError as error:
            return _beside_objects(path, start, error)
    except UnpicklingError as error:
        raise ModelError(_refusal(path, str(error))) from None
    except Exception as error:  # a damaged file makes its readers raise anything
        if out_of_memory(error):
            raise
        raise ModelError(
            f"the checkpoint {path} is damaged or incomplete ({first_line(error)}); {_REMEDY}"
        ) from None


def _loaded(path: Path, start: bytes) -> object:
    if start[8:9] == b"{":  # safetensors: the length of a JSON header, then the header
        return safetensors.torch.load_file(path)
    zipped = start.startswith(b"PK")  # else torch.save before 1.6, which cannot be mapped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torch, about formats it then refuses
        return torch.load(path, map_location="cpu", mmap=zipped, weights_only=True)


def _beside_objects(path: Path, start: bytes, refused: UnpicklingError) -> object:
    """The content of a trainer's file without its objects; raises ``refused`` for any other file."""
    if not start.startswith(b"PK"):
        raise refused
    content = left_out.load(path)
    if _wrapped(content) is None:
        raise refused
    return content


def _wrapped(content: object) -> Mapping[object, object] | None:
    """The mapping of weights that a training script put ``content`` around, or None."""
    if not isinstance(content, Mapping):
        return None
    return next((content[name] for name in _WRAPPERS if isinstance(content.get(name), Mapping)), None)


def _all_begin(weights: Mapping[str, Tensor], prefix: str) -> bool:
    return all(key.startswith(prefix) for key in weights)


def _tensors(content: object) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        return {}
    return {
        key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)
    }


def _refusal(path: Path, reason: str) -> str:
    """Why ``weights_only`` refused a file."""
    named = re.search(r"GLOBAL ([\w.]+)", reason)
    if named is None:
        return f"{path} is not a checkpoint, or is damaged: it is no pickle of tensors; {_REMEDY}"
    return (
        f"the checkpoint {path} holds a Python object, {named[1]}, besides tensors; loading such objects can "
        "run any code, so it is refused: save the model's state_dict alone, or as safetensors"
    )


def _sam2(shapes: Shapes) -> str | None:
    trunk = "image_encoder.trunk.blocks."
    last = max((int(key.split(".")[3]) for key in shapes if key.startswith(trunk)), default=-1)
    size = _SAM2.get((shapes[_SAM2_PATCHES][0], last))
    if size is None or _MEMORY not in shapes:
        return None
    return f"sam2.1_hiera_{size}" if _HIDDEN in shapes else f"sam2_hiera_{size}"
