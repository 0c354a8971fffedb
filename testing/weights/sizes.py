"""Keys and shapes of the checkpoints that have no table, from the table of their family's smallest model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Vit:
    """``everywhere``: every so many blocks one attends to the whole image instead of windows."""

    channels: int
    blocks: int
    heads: int
    everywhere: int


_VITS = {
    "sam_vit_b": _Vit(768, 12, 12, 3),
    "sam_vit_l": _Vit(1024, 24, 16, 6),
    "sam_vit_h": _Vit(1280, 32, 16, 8),
}


@dataclass(frozen=True, slots=True)
class _Hiera:
    """``channels``: of the first stage. ``blocks``: of each stage. ``coarse``: side of the position table."""

    channels: int
    blocks: tuple[int, int, int, int]
    coarse: int = 7


_HIERAS = {
    "tiny": _Hiera(96, (1, 2, 7, 2)),
    "small": _Hiera(96, (1, 2, 11, 2)),
    "base_plus": _Hiera(112, (2, 3, 16, 3), coarse=14),
    "large": _Hiera(144, (2, 6, 36, 4)),
}

# Where all entries of HQ-SAM's own are.
_HQ = "mask_decoder."

# Entries that only 2.1 has, for videos.
_NEW_IN_2_1 = ("no_obj_embed_spatial", "obj_ptr_tpos_proj.")


def sam(model: str, smallest: Shapes) -> Shapes:
    """The entries of a SAM; ``smallest``: those of ViT-B."""
    small, size = _VITS["sam_vit_b"], _VITS[model]
    prefix = "image_encoder.blocks."
    found = {key: shape for key, shape in smallest.items() if not key.startswith(prefix)}
    for number in range(size.blocks):
        like = small.everywhere - 1 if (number + 1) % size.everywhere == 0 else 0
        found |= _copied(smallest, prefix, like, number)
    found = {key: _wider(shape, small.channels, size.channels) for key, shape in found.items()}
    for key, shape in found.items():
        if ".rel_pos_" in key:
            found[key] = (shape[0], size.channels // size.heads)
    return found


def hq_sam(of_sam: Shapes, early: int) -> Shapes:
    """The entries of an HQ-SAM; ``of_sam``: those of the SAM that it adds to, whose early map has ``early``
    channels."""
    found: Shapes = {f"{_HQ}hf_token.weight": (1, 256)}
    for number, shape in enumerate(((256, 256), (256, 256), (32, 256))):
        found |= _layer(f"{_HQ}hf_mlp.layers.{number}", shape, shape[0])
    for name, channels, between in (("compress_vit_feat", early, 256), ("embedding_encoder", 256, 64)):
        found |= _layer(f"{_HQ}{name}.0", (channels, between, 2, 2), between)
        found |= _layer(f"{_HQ}{name}.1", (between,), between)
        found |= _layer(f"{_HQ}{name}.3", (between, 32, 2, 2), 32)
    found |= _layer(f"{_HQ}embedding_maskfeature.0", (64, 32, 3, 3), 64)
    found |= _layer(f"{_HQ}embedding_maskfeature.1", (64,), 64)
    found |= _layer(f"{_HQ}embedding_maskfeature.3", (32, 64, 3, 3), 32)
    return of_sam | found


def _layer(name: str, weight: tuple[int, ...], outputs: int) -> Shapes:
    return {f"{name}.weight": weight, f"{name}.bias": (outputs,)}


def sam2(model: str, smallest: Shapes) -> Shapes:
    """The entries of a SAM 2 or 2.1; ``smallest``: those of 2.1 tiny."""
    version, name = model.split("_hiera_")
    small, size = _HIERAS["tiny"], _HIERAS[name]
    prefix = "image_encoder.trunk.blocks."
    found = {key: shape for key, shape in smallest.items() if not key.startswith(prefix)}
    for number, like in enumerate(_likes(size.blocks, small.blocks)):
        found |= _copied(smallest, prefix, like, number)
    if version == "sam2":
        found = {key: shape for key, shape in found.items() if not key.startswith(_NEW_IN_2_1)}
    for key, shape in found.items():
        if key.startswith("image_encoder."):
            found[key] = _wider(shape, small.channels, size.channels)
    found["image_encoder.trunk.pos_embed"] = (1, size.channels, size.coarse, size.coarse)
    return found


def _likes(blocks: tuple[int, ...], smallest: tuple[int, ...]) -> Iterator[int]:
    """For each block, a block of the smallest model that is as wide, and first of its stage if this one is.

    The smallest model has one block in its first stage. That stage never grows wider, so its other blocks
    have the same shapes.
    """
    start = 0
    for stage, (count, there) in enumerate(zip(blocks, smallest, strict=True)):
        for index in range(count):
            yield start + min(index, 1 if stage > 0 else 0)
        start += there


def _copied(shapes: Shapes, prefix: str, like: int, number: int) -> Shapes:
    """The entries of block ``like`` as those of block ``number``."""
    old, new = f"{prefix}{like}.", f"{prefix}{number}."
    return {new + key.removeprefix(old): shape for key, shape in shapes.items() if key.startswith(old)}


def _wider(shape: tuple[int, ...], before: int, after: int) -> tuple[int, ...]:
    """``shape`` with ``after`` channels for each ``before``; sides that are no multiple of it are not
    channels."""
    return tuple(side if side % before else side // before * after for side in shape)
