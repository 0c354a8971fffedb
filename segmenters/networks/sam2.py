"""SAM 2 and SAM 2.1 for images, as two torch modules that take the official weights.

The decoder half is SAM's but for finer features of the image, a token for whether the object is there, and
scores that cannot leave 0..1. Its parameters have the names of sam2 1.1.0, without its ``sam_``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segmenters.architectures import FINER, SHARED, Architecture
from segmenters.networks.layers import EMBEDDING
from segmenters.networks.sam2_encoder import SIZES, Sam2Encoder, Size, positions
from segmenters.networks.sam_decoder import MaskDecoder, PromptEncoder, in_quarters, in_rows
from segmenters.runtimes.session import Half

# Entries that only a video needs: memories of earlier frames, made smaller by EdgeTAM's perceiver, pointers
# to objects, whether one is in view.
_VIDEO = (
    "maskmem_tpos_enc",
    "mask_downsample.",
    "memory_attention.",
    "memory_encoder.",
    "no_mem_pos_enc",
    "no_obj_embed_spatial",
    "no_obj_ptr",
    "obj_ptr_proj.",
    "obj_ptr_tpos_proj.",
    "spatial_perceiver.",
    "sam_mask_decoder.pred_obj_score_head.",
)

# Two convolutions of the mask decoder end the encoder, because no prompt changes their input.
_BRIDGE = ("sam_mask_decoder.conv_s0.", "sam_mask_decoder.conv_s1.")

_IMAGES = 4  # dimensions of a batch of images

# Entries of the other half.
_OTHER = {
    Half.ENCODER: ("sam_prompt_encoder.", "sam_mask_decoder."),
    Half.DECODER: ("image_encoder.", "no_mem_embed", *_BRIDGE),
}

# Patterns of official keys and what replaces them; all that match are applied, in this order.
_RULES = {
    Half.ENCODER: (
        (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"neck.\1."),
        (r"^image_encoder\.trunk\.", "trunk."),
        (r"^sam_mask_decoder\.conv_s", "conv_s"),
        (r"^no_mem_embed$", "no_memory_embedding"),
        (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
        (r"\.norm(\d)\.", r".layer_norm\1."),
        (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
        (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
    ),
    Half.DECODER: (
        (r"^sam_", ""),
        (r"\.transformer\.(.*)\.mlp\.layers\.0\.", r".transformer.\1.mlp.lin1."),
        (r"\.transformer\.(.*)\.mlp\.layers\.1\.", r".transformer.\1.mlp.lin2."),
    ),
}


class Sam2MaskDecoder(MaskDecoder):
    """Four masks and their scores for one prompt."""

    features = ("high_res_0", "high_res_1")
    shared = SHARED + FINER

    def __init__(self) -> None:
        super().__init__()
        self.obj_score_token = nn.Embedding(1, EMBEDDING)

    def from_features(
        self, image: Tensor, places: Tensor, points: Tensor, high_res_0: Tensor, high_res_1: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As ``MaskDecoder.forward``, with the encoder's finer features of the image."""
        tokens, pixels = self.transformer(torch.cat([self.own_tokens(), points]), in_rows(image), places)
        logits = self.logits(tokens[2:], pixels, in_quarters(high_res_1), in_quarters(high_res_0))
        return logits, self.scores(tokens[1:2])

    def of_image(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """``FINER``."""
        return [in_quarters(features["high_res_1"]), in_quarters(features["high_res_0"])]

    def own_tokens(self) -> Tensor:
        """(6, 256): as those of SAM, after the one for whether the object is there."""
        return torch.cat([self.obj_score_token.weight, super().own_tokens()])

    def scores(self, token: Tensor) -> Tensor:
        """(..., 4) in 0..1 of the token (..., 256) before those of the masks."""
        return super().scores(token).sigmoid()


class Sam2Decoder(nn.Module):
    """The decoder half; which of its masks to believe is decided elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = Sam2MaskDecoder()

    def forward(
        self,
        image_embeddings: Tensor,
        high_res_0: Tensor,
        high_res_1: Tensor,
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Inputs and outputs as ``segmenters.runtimes.session.Session`` describes them.

        Gives logits (1, 4, 256, 256), not clamped to the 32 of the official predictor, and scores (1, 4).
        """
        image, places, points = self.prompt_encoder(
            image_embeddings, point_coords, point_labels, mask_input, has_mask_input
        )
        return self.mask_decoder.from_features(image, places, points, high_res_0, high_res_1)


def build(architecture: Architecture, half: Half) -> nn.Module:
    """``half`` of ``architecture`` on CPU in evaluation mode; its weights are whatever the memory held.

    2.0 and 2.1 differ in their weights and in what only a video needs: for images they are one network.
    """
    with torch.device("meta"):
        module: nn.Module = Sam2Decoder() if half is Half.DECODER else Sam2Encoder(_size_of(architecture))
    return module.to_empty(device="cpu").eval()


def _size_of(architecture: Architecture) -> Size:
    return SIZES[architecture.name.rpartition("hiera_")[2]]


def rename(state: Mapping[str, Tensor], half: Half) -> dict[str, Tensor]:
    """The entries of an official checkpoint that belong to ``half``, under the keys of its module.

    ``state``: what is under ``model`` in the file. The other half's entries and those that only a video
    needs are left out; unknown ones are kept, so that a strict load names them.
    """
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        if _belongs(key, half):
            found[_new_name(key, half)] = value
    if half is Half.ENCODER:
        _join_positions(found)
    return found


def _belongs(key: str, half: Half) -> bool:
    if key.startswith(_BRIDGE):
        return half is Half.ENCODER
    return not key.startswith(_VIDEO + _OTHER[half])


def _new_name(key: str, half: Half) -> str:
    for pattern, replacement in _RULES[half]:
        key = re.sub(pattern, replacement, key)
    return key


def _join_positions(state: dict[str, Tensor]) -> None:
    parts = ("trunk.pos_embed", "trunk.pos_embed_window")
    if all(part in state and state[part].dim() == _IMAGES for part in parts):
        state["positions"] = positions(*(state.pop(part) for part in parts))
