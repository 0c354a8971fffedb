"""The prompt encoder and mask decoder of SAM 2, for one image at a time.

They are SAM's but for finer features of the image, a token for whether the object is there, and scores that
cannot leave 0..1. Their parameters have the names of sam2 1.1.0, without its ``sam_``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segmenters.networks.layers import EMBEDDING
from segmenters.networks.mask_decoder import MaskDecoder, in_quarters, in_rows
from segmenters.networks.prompt_encoder import PromptEncoder


class Sam2MaskDecoder(MaskDecoder):
    """Four masks and their scores for one prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.obj_score_token = nn.Embedding(1, EMBEDDING)

    def from_features(
        self, image: Tensor, places: Tensor, points: Tensor, high_res_0: Tensor, high_res_1: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As ``MaskDecoder.forward``, with the encoder's finer features of the image."""
        own = (self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight)
        tokens, pixels = self.transformer(torch.cat([*own, points]), in_rows(image), places)
        logits = self.logits(tokens[2:], pixels, in_quarters(high_res_1), in_quarters(high_res_0))
        return logits, self.iou_prediction_head(tokens[1:2]).sigmoid()


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
        prompt = self.prompt_encoder
        image = image_embeddings + prompt.mask(mask_input, has_mask_input)
        points = prompt.points(point_coords[0], point_labels[0])
        places = prompt.pe_layer.grid()
        return self.mask_decoder.from_features(image, places, points, high_res_0, high_res_1)
