"""Which model a checkpoint is of, by its keys and shapes."""

from __future__ import annotations

from collections.abc import Mapping

Shapes = Mapping[str, tuple[int, ...]]

# Channels of the first map, and for SAM 2 the last block, decide the size.
_SAM = {768: "sam_vit_b", 1024: "sam_vit_l", 1280: "sam_vit_h"}
_SAM2 = {(96, 11): "tiny", (96, 15): "small", (112, 23): "base_plus", (144, 47): "large"}

_SAM_PATCHES = "image_encoder.patch_embed.proj.weight"
_SAM2_PATCHES = "image_encoder.trunk.patch_embed.proj.weight"
_TINY_VIT = "image_encoder.patch_embed.seq.0.c.weight"
_NECK = "image_encoder.neck.0.weight"

# Both versions have a memory of earlier frames; only 2.1 tells it that an object is hidden.
_MEMORY = "maskmem_tpos_enc"
_HIDDEN = "no_obj_embed_spatial"


def recognise(shapes: Shapes) -> str | None:
    """The model's name in ``segmenters.architectures.ARCHITECTURES``, or None.

    ``shapes``: of all entries of a checkpoint, by their official keys. What has the encoder of a model is
    taken for it, whatever else is missing or too many. SAM 2 without what a video needs is None: the versions
    2.0 and 2.1 differ in nothing else but values.
    """
    if _TINY_VIT in shapes:
        return "mobile_sam" if shapes.get(_NECK) == (256, 320, 1, 1) else None
    if _SAM_PATCHES in shapes:
        return _SAM.get(shapes[_SAM_PATCHES][0])
    if _SAM2_PATCHES in shapes:
        return _sam2(shapes)
    return None


def _sam2(shapes: Shapes) -> str | None:
    trunk = "image_encoder.trunk.blocks."
    last = max((int(key.split(".")[3]) for key in shapes if key.startswith(trunk)), default=-1)
    size = _SAM2.get((shapes[_SAM2_PATCHES][0], last))
    if size is None or _MEMORY not in shapes:
        return None
    return f"sam2.1_hiera_{size}" if _HIDDEN in shapes else f"sam2_hiera_{size}"
