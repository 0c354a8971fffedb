"""OWLv2's two halves as torch modules, of transformers' own parts, under the keys of the published files.

The image half knows nothing of a query, and the text half nothing of an image. Importing this takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from transformers.models.owlv2.configuration_owlv2 import Owlv2Config, Owlv2TextConfig, Owlv2VisionConfig
from transformers.models.owlv2.modeling_owlv2 import (
    Owlv2BoxPredictionHead,
    Owlv2ClassPredictionHead,
    Owlv2TextTransformer,
    Owlv2VisionTransformer,
)

from finders.architecture import Architecture, Tower
from values.found import MOST

LEAST_SIDE = 1e-5
"""Of a box, as a fraction of the picture. Less is lost in float32."""

_ROOT = "owlv2."
_TEXT = ("text_model.", "text_projection.")
# What only training and whole-image similarity need, and numbers that older files kept.
_UNUSED = ("logit_scale", "visual_projection.weight", "box_bias")
_POSITIONS = ".position_ids"


class ImageNetwork(nn.Module):
    """Pictures to boxes and vectors."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        config = config_of(architecture)
        vision = cast(Owlv2VisionConfig, config.vision_config)
        self.vision_model = Owlv2VisionTransformer(vision)
        self.layer_norm = nn.LayerNorm(architecture.image.width, eps=vision.layer_norm_eps)
        self.class_head = Owlv2ClassPredictionHead(config)
        self.box_head = Owlv2BoxPredictionHead(config)
        self.objectness_head = Owlv2BoxPredictionHead(config, out_dim=1)
        bias = _box_bias(architecture.side // architecture.patch)
        self.box_bias = nn.Buffer(bias, persistent=False)

    def forward(self, image: Tensor, shares: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, side, side) -> boxes (B, N, 4), objectness (B, N), vectors (B, N, D), shift, scale (B, N).

        ``shares``: (B, 2), the width and the height of each picture as fractions of the square. Of each the N
        patches, ``MOST`` at most, that most look like an object, in that order; those whose boxes are beside
        the picture come last, with an objectness of -inf. Boxes are centre and size as fractions of the
        square. Vectors have length 1.
        """
        features = self._features(image)
        boxes = torch.sigmoid(self.box_head(features) + self.box_bias)
        objectness = self.objectness_head(features)[..., 0]
        objectness = objectness.masked_fill(~_is_within(boxes, shares[:, None]), -torch.inf)
        chosen = objectness.sort(dim=-1, descending=True, stable=True).indices[:, :MOST]
        features, boxes = (
            each.gather(1, chosen[..., None].expand(-1, -1, each.shape[-1])) for each in (features, boxes)
        )
        head = self.class_head
        vectors = head.dense0(features)
        vectors = vectors / (torch.linalg.norm(vectors, dim=-1, keepdim=True) + 1e-6)
        shift = head.logit_shift(features)[..., 0]
        scale = head.elu(head.logit_scale(features))[..., 0] + 1
        return boxes, objectness.gather(1, chosen), vectors, shift, scale

    def _features(self, image: Tensor) -> Tensor:
        """(B, patches, width): each patch's token, times the token of the whole picture."""
        tokens = self.vision_model(pixel_values=image).last_hidden_state
        tokens = self.vision_model.post_layernorm(tokens)
        return cast(Tensor, self.layer_norm(tokens[:, 1:] * tokens[:, :1]))


class TextNetwork(nn.Module):
    """Phrases to vectors."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        config = config_of(architecture)
        self.text_model = Owlv2TextTransformer(cast(Owlv2TextConfig, config.text_config))
        self.text_projection = nn.Linear(architecture.text.width, config.projection_dim, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(Q, T) int64, padded with 0 behind the end -> (Q, D) of length 1.

        No token sees those behind it, and a phrase is what its end has seen, so padding changes nothing.
        """
        vectors = self.text_projection(self.text_model(input_ids=tokens).pooler_output)
        return cast(Tensor, vectors / torch.linalg.norm(vectors, dim=-1, keepdim=True))


def config_of(architecture: Architecture) -> Owlv2Config:
    """The architecture as transformers wants it."""
    vision = _tower(architecture.image)
    vision |= {"image_size": architecture.side, "patch_size": architecture.patch}
    text = _tower(architecture.text)
    text |= {"max_position_embeddings": architecture.context, "vocab_size": architecture.vocabulary}
    text |= {"bos_token_id": architecture.vocabulary - 2, "eos_token_id": architecture.vocabulary - 1}
    return Owlv2Config(text_config=text, vision_config=vision, projection_dim=architecture.text.width)


def of_the_image(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of a published file that the image half has, by its own keys."""
    return {key: value for key, value in _used(weights) if not key.startswith(_TEXT)}


def of_the_text(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of a published file that the text half has, by its own keys."""
    return {key: value for key, value in _used(weights) if key.startswith(_TEXT)}


def _used(weights: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
    keyed = [(key.removeprefix(_ROOT), value) for key, value in weights.items()]
    return [(key, value) for key, value in keyed if key not in _UNUSED and not key.endswith(_POSITIONS)]


def _tower(tower: Tower) -> dict[str, int]:
    return {
        "hidden_size": tower.width,
        "intermediate_size": 4 * tower.width,
        "num_hidden_layers": tower.blocks,
        "num_attention_heads": tower.heads,
    }


def _is_within(boxes: Tensor, shares: Tensor) -> Tensor:
    """Which boxes have an area in the picture."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    visible = torch.minimum(centre + half, shares) - (centre - half).clamp(min=0)
    return ~(visible <= LEAST_SIDE * shares).any(-1)  # what is no number stays, and is seen


def _box_bias(grid: int) -> Tensor:
    """(patches, 4): what a box is where the head gives zeros, before the sigmoid.

    A box of one patch, its centre at the patch's lower right corner, as the published weights expect it.
    """
    steps = torch.arange(1, grid + 1, dtype=torch.float32) / grid
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    size = torch.full_like(x, 1.0) / grid
    places = torch.stack((x, y, size, size), -1).reshape(-1, 4)
    return torch.log(places + 1e-4) - torch.log1p(-places + 1e-4)
