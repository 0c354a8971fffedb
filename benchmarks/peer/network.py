"""The predictor that the peer calls: the publisher's, on CPU in torch's float32."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from segmenters.architectures import SIDE, Architecture, Family
from segmenters.networks import loading
from segmenters.networks.checkpoint_file import read
from segmenters.runtimes.session import Half

FAMILIES = (Family.SAM, Family.MOBILE_SAM)

_CHANNELS = 256
_GRID = SIDE // 16


def predictor(architecture: Architecture, checkpoint: Path) -> Any:
    """``SamPredictor`` of the official package with the weights of ``checkpoint``.

    MobileSAM's publisher has no package on the index. Its predictor and its decoder are SAM's, so that only
    the image encoder has to be ours, in torch; with its convolutions and norms put together it does less work
    than the publisher's. Raises ModuleNotFoundError without the official packages, and like
    ``segmenters.networks.loading.load``.
    """
    importlib.import_module("tests.oracles")
    package = importlib.import_module("segment_anything")
    if architecture.family is Family.SAM:
        network = package.sam_model_registry[architecture.name.removeprefix("sam_")]()
        network.load_state_dict(read(checkpoint), strict=True)
    else:
        network = _mobile_sam(architecture, checkpoint)
    return package.SamPredictor(network.eval())


def _mobile_sam(architecture: Architecture, checkpoint: Path) -> Any:
    parts = importlib.import_module("segment_anything.modeling")
    encoder: Any = loading.load(architecture, Half.ENCODER, checkpoint).image_encoder
    encoder.img_size = SIDE
    prompts = parts.PromptEncoder(
        embed_dim=_CHANNELS,
        image_embedding_size=(_GRID, _GRID),
        input_image_size=(SIDE, SIDE),
        mask_in_chans=16,
    )
    transformer = parts.TwoWayTransformer(depth=2, embedding_dim=_CHANNELS, mlp_dim=2048, num_heads=8)
    decoder = parts.MaskDecoder(
        num_multimask_outputs=3,
        transformer=transformer,
        transformer_dim=_CHANNELS,
        iou_head_depth=3,
        iou_head_hidden_dim=_CHANNELS,
    )
    weights = read(checkpoint)
    for name, part in (("prompt_encoder", prompts), ("mask_decoder", decoder)):
        own = {key: value for key, value in weights.items() if key.startswith(f"{name}.")}
        part.load_state_dict({key.removeprefix(f"{name}."): value for key, value in own.items()}, strict=True)
    return parts.Sam(encoder, prompts, decoder)
