"""Mask decoders exported as segment-anything's script does, with the stand-in weights of ViT-B."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import tests.oracles  # noqa: F401 - makes the official package importable
from testing.weights import checkpoints
from testing.weights.generated import tensor

_EXPORTER: Any = importlib.import_module("segment_anything.utils.onnx")
_SAM: Any = importlib.import_module("segment_anything.modeling")


class AnySize(_EXPORTER.SamOnnxModel):
    """The exporter as later corrected, after 1.0 was published: the image's size stays a tensor."""

    def mask_postprocessing(self, masks: Tensor, orig_im_size: Tensor) -> Tensor:
        side = self.img_size
        square = functional.interpolate(masks, (side, side), mode="bilinear", align_corners=False)
        height, width = self.resize_longest_image_size(orig_im_size, side)
        natural = orig_im_size.to(torch.int64)
        return functional.interpolate(
            square[..., :height, :width],
            (natural[0], natural[1]),  # type: ignore[arg-type]
            mode="bilinear",
            align_corners=False,
        )


Published: Any = _EXPORTER.SamOnnxModel  # as in segment-anything 1.0


@cache
def weights() -> dict[str, Tensor]:
    """What a checkpoint of ViT-B holds for the decoder."""
    shapes = checkpoints.shapes("sam_vit_b")
    return {
        key: torch.from_numpy(tensor(key, shape))
        for key, shape in shapes.items()
        if not key.startswith("image_encoder.")
    }


def export(path: Path, exporter: Any = AnySize, *, gelu_approximate: bool = False, **options: bool) -> Path:
    """The decoder's file, with the script's example inputs, names and opset; ``options``: the exporter's."""
    module = exporter(_sam(), **{"return_single_mask": False} | options)
    for each in module.modules():
        if gelu_approximate and isinstance(each, nn.GELU):
            each.approximate = "tanh"
    inputs = _example()
    points = {"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing, and that this exporter is the older one
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            dynamic_axes=points,
            opset_version=17,
            dynamo=False,
        )
    return path


def quantised(source: Path, path: Path) -> Path:
    """``source`` with weights of 8 bits, as the script and Label Studio's converter make it."""
    quantization: Any = importlib.import_module("onnxruntime.quantization")
    quantization.quantize_dynamic(
        str(source),
        str(path),
        per_channel=False,
        reduce_range=False,
        weight_type=quantization.QuantType.QUInt8,
    )
    return path


class _NoEncoder(nn.Module):
    """Stands where the image encoder would; the exporter asks it for the canvas alone."""

    img_size = 1024


def _sam() -> Any:
    transformer = _SAM.TwoWayTransformer(depth=2, embedding_dim=256, num_heads=8, mlp_dim=2048)
    sam = _SAM.Sam(
        _NoEncoder(),
        _SAM.PromptEncoder(256, (64, 64), (1024, 1024), 16),
        _SAM.MaskDecoder(transformer_dim=256, transformer=transformer),
    )
    sam.load_state_dict(weights(), strict=True)
    return sam.eval()


def _example() -> dict[str, Tensor]:
    noise = torch.Generator().manual_seed(0)
    return {
        "image_embeddings": torch.randn(1, 256, 64, 64, generator=noise),
        "point_coords": torch.rand(1, 5, 2, generator=noise) * 1024,
        "point_labels": torch.randint(0, 4, (1, 5), generator=noise).float(),
        "mask_input": torch.randn(1, 1, 256, 256, generator=noise),
        "has_mask_input": torch.ones(1),
        "orig_im_size": torch.tensor([1500.0, 2250.0]),
    }
