"""The publishers' own networks behind the interfaces of ours, as a second baseline.

They do the same work on the same arrays: resampling and the rest of what official predictors do is left out
on both sides. ``make test`` installs them; only those of SAM and SAM 2 are compared with.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segmenters.architectures import LOW_RES, Architecture, Family
from segmenters.networks.checkpoint_file import read
from segmenters.runtimes.session import Array
from segmenters.sam.inputs import canvas


def packages() -> bool:
    """Whether the official packages are there; to be called before anything else can look for torchvision."""
    try:
        importlib.import_module("tests.oracles")
    except ModuleNotFoundError:
        return False
    return True


def network(architecture: Architecture, checkpoint: Path, threads: int) -> Any | None:
    """The official network with the weights of ``checkpoint``, in float32 on CPU; None without one."""
    if architecture.family not in (Family.SAM, Family.SAM2) or not packages():
        return None
    built = importlib.import_module("tests.oracles.official").module(architecture)
    built.load_state_dict(read(checkpoint), strict=True)
    torch.set_num_threads(threads)
    return built.eval().requires_grad_(False)


class OfficialFeatures:
    """The encoder of an official network on CPU, one image at a time."""

    device = "cpu"

    def __init__(self, network: Any, family: Family) -> None:
        self._network = network
        self._family = family

    def features(self, batch: Sequence[NDArray[np.generic]]) -> list[dict[str, Array]]:
        """The arrays of each image, as ``segmenters.sam.load.Features`` has them."""
        with torch.inference_mode():
            return [self._one(torch.from_numpy(canvas(rgb))) for rgb in batch]

    def _one(self, image: Tensor) -> dict[str, Array]:
        if not self._family.as_sam2:
            return {"image_embeddings": self._network.image_encoder(image).numpy()}
        fine, middle, coarse = self._network.forward_image(image)["backbone_fpn"]
        coarse = coarse + self._network.no_mem_embed.reshape(1, -1, 1, 1)
        arrays = {"image_embeddings": coarse, "high_res_0": fine, "high_res_1": middle}
        return {name: tensor.numpy() for name, tensor in arrays.items()}


class OfficialSession:
    """The prompt encoder and mask decoder of an official network, all four masks of them."""

    def __init__(self, network: Any, family: Family) -> None:
        sam2 = family.as_sam2
        self._sam2 = sam2
        self._prompts = network.sam_prompt_encoder if sam2 else network.prompt_encoder
        self._decoder = network.sam_mask_decoder if sam2 else network.mask_decoder

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names, as ``segmenters.runtimes.session.Session`` has them."""
        with torch.inference_mode():
            # Without copies, as the official predictors, which keep an image's features as tensors.
            tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
            sparse, dense = self._prompts(**self._prompt(tensors))
            found = self._decoder.predict_masks(
                image_embeddings=tensors["image_embeddings"],
                image_pe=self._prompts.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                **self._fine(tensors),
            )
            arrays = dict(zip(("low_res_masks", "iou_predictions"), found[:2], strict=True))
            return {name: arrays[name].numpy() for name in outputs}

    def _prompt(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, Tensor] | None]:
        """The official prompt encoders pad by themselves; SAM's takes the corners of a box apart."""
        points, labels = tensors["point_coords"], tensors["point_labels"]
        boxes = None
        if not self._sam2 and bool((labels >= 2).any()):
            boxes = points[labels >= 2].reshape(1, 4)
            kept = (labels == 0) | (labels == 1)
        else:
            kept = labels >= 0
        clicks = (points[kept][None], labels[kept][None]) if bool(kept.any()) else None
        earlier = tensors["mask_input"].reshape(1, 1, LOW_RES, LOW_RES)
        return {
            "points": clicks,
            "boxes": boxes,
            "masks": earlier if bool(tensors["has_mask_input"][0]) else None,
        }

    def _fine(self, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        if not self._sam2:
            return {}
        return {"repeat_image": False, "high_res_features": [tensors["high_res_0"], tensors["high_res_1"]]}
