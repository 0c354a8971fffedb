"""The prompt encoder and mask decoder of SAM 2, for one image at a time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.sam2.configuration_sam2 import Sam2MaskDecoderConfig, Sam2PromptEncoderConfig
from transformers.models.sam2.modeling_sam2 import Sam2MaskDecoder, Sam2PromptEncoder

from segmenters.architectures import LOW_RES, SIDE

_GRID = 64  # cells along a side of an image embedding
_BEFORE_MASKS = 2  # the tokens of "is the object there" and of the scores precede those of the masks


class Sam2Decoder(nn.Module):
    """All four masks for a prompt; which of them to believe is decided elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        config = Sam2MaskDecoderConfig()
        config._attn_implementation = "sdpa"
        self.prompts = Sam2PromptEncoder(Sam2PromptEncoderConfig())
        self.masks = Sam2MaskDecoder(config)
        # The first two run in the encoder, the last only in videos.
        for unused in ("conv_s0", "conv_s1", "pred_obj_score_head"):
            delattr(self.masks, unused)

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
        """Inputs and outputs as :class:`segmenters.runtimes.session.Session` describes them.

        Gives logits (1, 4, 256, 256), not clamped to the 32 of the official predictor, and scores (1, 4).
        """
        masks = self.masks
        own = torch.cat([masks.obj_score_token.weight, masks.iou_token.weight, masks.mask_tokens.weight])
        tokens = torch.cat([own[None], self._sparse(point_coords, point_labels)], 1)
        tokens, image = masks.transformer(
            point_embeddings=tokens[:, None],
            image_embeddings=image_embeddings + self._dense(mask_input, has_mask_input),
            image_positional_embeddings=self._grid(),
            attention_similarity=None,
        )
        logits = self._logits(tokens[:, 0], image[:, 0], high_res_0, high_res_1)
        return logits, masks.iou_prediction_head(tokens[:, 0, 1])

    def _sparse(self, coords: Tensor, labels: Tensor) -> Tensor:
        """(1, N, 256): where each point is, but for padding, and which kind it is, -1 to 3."""
        kinds = torch.cat([self.prompts.not_a_point_embed.weight, self.prompts.point_embed.weight])
        where = self._position((coords + 0.5) / SIDE) * (labels >= 0)[..., None]
        return where + functional.embedding(labels.long() + 1, kinds)

    def _dense(self, mask: Tensor, given: Tensor) -> Tensor:
        """(1, 256, 64, 64), or (1, 256, 1, 1) of no mask where ``given`` is 0."""
        none = self.prompts.no_mask_embed.weight.reshape(1, -1, 1, 1)
        return torch.where(given.reshape(-1, 1, 1, 1) > 0, self.prompts.mask_embed(mask), none)

    def _grid(self) -> Tensor:
        """(1, 256, 64, 64): the positions of the image embedding's cells; runtimes fold it to a constant."""
        device = self.prompts.no_mask_embed.weight.device
        centres = (torch.arange(_GRID, dtype=torch.float32, device=device) + 0.5) / _GRID
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        return self._position(torch.stack([x, y], -1)).permute(2, 0, 1)[None]

    def _position(self, relative: Tensor) -> Tensor:
        """(..., 256) random Fourier features of (x, y) in 0..1.

        Products and a sum instead of a matrix product, which autocast would round to bfloat16: the angles
        span many turns.
        """
        gaussian = self.prompts.shared_embedding.positional_embedding
        around = 2 * relative - 1
        angle = 2 * math.pi * (around[..., :1] * gaussian[0] + around[..., 1:] * gaussian[1])
        return torch.cat([angle.sin(), angle.cos()], -1)

    def _logits(self, tokens: Tensor, image: Tensor, high_res_0: Tensor, high_res_1: Tensor) -> Tensor:
        masks = self.masks
        image = image.transpose(1, 2).reshape(1, -1, _GRID, _GRID)
        finer = masks.activation(masks.upscale_layer_norm(masks.upscale_conv1(image) + high_res_1))
        finest = masks.activation(masks.upscale_conv2(finer) + high_res_0)
        heads = masks.output_hypernetworks_mlps
        weights = torch.stack([head(tokens[:, _BEFORE_MASKS + i]) for i, head in enumerate(heads)], 1)
        logits: Tensor = weights @ finest.flatten(2)
        return logits.reshape(1, -1, LOW_RES, LOW_RES)
