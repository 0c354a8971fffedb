"""A small SAM, HQ-SAM and SAM 2: the publisher's classes and ours with few blocks and channels.

They take seconds where the published sizes take minutes, and go every way through the code: blocks that
attend to windows and to everything; in SAM more heads than are computed at once, and a last share that is
smaller; in SAM 2 the windows of all four stages, also those that do not fit, and blocks that begin a stage.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import pytest
import torch
from segment_anything import sam_model_registry
from segment_anything.build_sam import _build_sam

from segmenters.architectures import Architecture, Family
from segmenters.models import ARCHITECTURES
from segmenters.networks import sam, sam2_encoder
from testing.weights.generated import tensor
from tests.oracles import official

SLIM = Architecture("sam_slim", Family.SAM, 5.6)
SLIM_HQ = Architecture("sam_hq_vit_slim", Family.HQ_SAM, 6.2)
SLIM2 = Architecture("sam2.1_hiera_slim", Family.SAM2, 13.1)

_SIZE = sam.Size(channels=80, blocks=3, heads=5, everywhere=(1,))
_SIZE2 = sam2_encoder.Size(channels=32, heads=1, blocks=(1, 2, 2, 2), everywhere=(4,))


def make_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both sides build them by their names, as if they were published sizes."""
    build = functools.partial(_build_sam, _SIZE.channels, _SIZE.blocks, _SIZE.heads, _SIZE.everywhere)
    monkeypatch.setitem(sam_model_registry, "slim", build)
    hq = importlib.import_module(f"{official.hq_sam().__name__}.build_sam")
    build_hq = functools.partial(
        hq._build_sam, _SIZE.channels, _SIZE.blocks, _SIZE.heads, list(_SIZE.everywhere)
    )
    monkeypatch.setitem(hq.sam_model_registry, "vit_slim", build_hq)
    for name in (SLIM.name, "sam_vit_slim"):
        monkeypatch.setitem(sam.SIZES, name, _SIZE)
    for slim in (SLIM, SLIM_HQ, SLIM2):
        monkeypatch.setitem(ARCHITECTURES, slim.name, slim)
    encoder = "model.image_encoder"
    changes = {
        "trunk.embed_dim": _SIZE2.channels,
        "trunk.stages": list(_SIZE2.blocks),
        "trunk.global_att_blocks": list(_SIZE2.everywhere),
        "neck.backbone_channel_list": _SIZE2.widths[::-1],
    }
    made = official.Sam2Config("t", tuple(f"{encoder}.{key}={value}" for key, value in changes.items()))
    monkeypatch.setitem(official.SAM2_CONFIGS, "slim", made)
    monkeypatch.setitem(sam2_encoder.SIZES, "slim", _SIZE2)


def checkpoint(architecture: Architecture, folder: Path) -> Path:
    """A checkpoint of stand-in weights, of one that was made known."""
    path = folder / f"{architecture.name}.pt"
    shapes = official.shapes(architecture)
    weights = {key: torch.from_numpy(tensor(key, shape)) for key, shape in shapes.items()}
    torch.save({"model": weights} if architecture.family.as_sam2 else weights, path)
    return path
