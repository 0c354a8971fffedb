"""SAM's decoder for many prompts on one image, in two parts: what no prompt changes, and the rest.

It gives what ``sam_decoder`` gives, in another order of the same sums. There the cells of the image pass
through the transformer, 256 numbers each, once for every prompt, and nearly all of a decode is products with
these. Here the cells of a prompt are never written down. Each is a multiple of the image's own cell and a sum
of few vectors, which are the same in all cells, because what pixels get from tokens is made of the tokens:

    cell[n] = scale[n] * image[n] + sum over j of weights[j, n] * vectors[j] + constant

An attention of pixels to tokens adds a vector for each head and token, with the attention's own weights. A
normalisation divides scale and weights by the cell's deviation, which follows from products of the parts.
Attentions and the first upscaling are linear in the cells, so that their products with the image's cells are
the same for all prompts: ``ImagePart`` computes these once. What is left for ``PromptsPart`` grows with the
square of the number of points: of long lists of clicks each is better decoded by itself.

Where nothing else is said cells are the last axis, 4096 of them.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from segmenters.architectures import LOW_RES
from segmenters.networks.hq_sam_decoder import HqMaskDecoder
from segmenters.networks.layers import EMBEDDING, GRID, ChannelNorm
from segmenters.networks.sam_decoder import MaskDecoder, PromptEncoder, quarters_weight
from segmenters.networks.two_way import HEADS, Attention, Layer, PixelsToTokens, TokensToPixels

_CELLS = GRID * GRID
_MASKS = 4
_FINEST = EMBEDDING // 8  # channels after the second upscaling


class ImagePart(nn.Module):
    """What no prompt changes: the arrays of ``segmenters.architectures.SHARED`` of an image's embedding."""

    def __init__(self, decoder: nn.Module) -> None:
        """``decoder``: the decoder half of a SAM, a SAM 2 or an HQ-SAM."""
        super().__init__()
        self.prompt_encoder = cast(PromptEncoder, decoder.prompt_encoder)
        self.mask_decoder = cast(MaskDecoder, decoder.mask_decoder)

    def forward(self, image_embeddings: Tensor, *features: Tensor, **named: Tensor) -> tuple[Tensor, ...]:
        """The arrays in their order, for an embedding with a leading 1.

        ``features``: those of ``MaskDecoder.features``, in that order or by name.

        ``keys``, ``asked``, ``crossed_0``: (8, 16, 4096). ``values``: (8, 4096, 16). ``own``: (4096,).
        ``crossed_1``: (257, 4096). ``upscaled``: (4096, 256). ``fine``, ``finest``: those of ``in_quarters``.
        ``hq``: (32, 65536), row by row.
        """
        given = named or dict(zip(self.mask_decoder.features, features, strict=True))
        prompts, transformer = self.prompt_encoder, self.mask_decoder.transformer
        first, second = cast(list[Layer], list(transformer.layers))
        last = transformer.final_attn_token_to_image
        places = prompts.pe_layer.grid().transpose(0, 1)
        cells = image_embeddings.reshape(EMBEDDING, _CELLS) + prompts.no_mask_embed.weight.reshape(-1, 1)
        looking, looked = first.cross_attn_token_to_image, first.cross_attn_image_to_token
        placed = cells + places
        arrays = [_keys(looking, placed), _values(looking, cells), _asked(looked, placed)]

        cells = _centred(cells + looked.out_proj.bias[:, None], 0)
        arrays += [(cells * cells).sum(0), 2 * _vectors(looked) @ cells]
        cells = cells * first.norm4.weight[:, None]
        looking, looked = second.cross_attn_token_to_image, second.cross_attn_image_to_token
        arrays += [_keys(looking, cells), _keys(looking, places), _values(looking, cells)]
        arrays += [_of_heads(looked.q_proj.weight @ cells)]
        arrays += [_asked(looked, places + first.norm4.bias[:, None])]

        cells = _centred(cells, 0)
        scaled = _centred(_vectors(first.cross_attn_image_to_token) * first.norm4.weight, -1)
        constant = _centred(first.norm4.bias + looked.out_proj.bias, 0)[None]
        crossed = torch.cat([scaled.flatten(0, 1), _vectors(looked).flatten(0, 1), constant])
        arrays += [(cells * cells).sum(0), 2 * crossed @ cells]
        cells = cells * second.norm4.weight[:, None]
        arrays += [_keys(last, cells), _keys(last, places), _values(last, cells)]
        upscaling = cast(nn.ConvTranspose2d, self.mask_decoder.output_upscaling[0])
        arrays += [cells.transpose(0, 1) @ quarters_weight(upscaling)]
        return (*arrays, *self.mask_decoder.of_image(given))


class _Cells(NamedTuple):
    """The cells of each prompt, as this module's first lines have them.

    ``scale``: (B, 1, 4096). ``weights``: (B, R, 4096). ``vectors``: (B, R, 256). ``constant``: (256,).
    """

    scale: Tensor
    weights: Tensor
    vectors: Tensor
    constant: Tensor


class PromptsPart(nn.Module):
    """Masks and scores of B prompts of N points each, from what ``ImagePart`` gave."""

    def __init__(self, decoder: nn.Module) -> None:
        """``decoder``: the decoder half of a SAM, a SAM 2 or an HQ-SAM."""
        super().__init__()
        self.prompt_encoder = cast(PromptEncoder, decoder.prompt_encoder)
        self.mask_decoder = cast(MaskDecoder, decoder.mask_decoder)
        self.inputs = (*self.mask_decoder.shared, "point_coords", "point_labels")

    def forward(self, *inputs: Tensor, **named: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 4, 256, 256) and scores (B, 4).

        The inputs are those of ``inputs``, in that order or by name: ``ImagePart``'s arrays, and points
        (B, N, 2) with their labels (B, N) as ``segmenters.runtimes.session.Session`` describes them.
        """
        given = dict(zip(self.inputs, inputs, strict=True)) if inputs else named
        points = self.prompt_encoder.points(given["point_coords"], given["point_labels"])
        own = self.mask_decoder.own_tokens()
        tokens = torch.cat([own.expand(points.shape[0], -1, -1), points], 1)
        tokens, cells = self._transformed(tokens, given)
        scored = len(own) - _MASKS - 1
        upscaled = self._upscaled(cells, given)
        logits = self._logits(tokens[:, scored + 1 :], upscaled)
        if isinstance(self.mask_decoder, HqMaskDecoder):
            logits = logits + self.mask_decoder.hq_mask(tokens[:, 0], upscaled, given["hq"])
        return logits, self.mask_decoder.scores(tokens[:, scored])

    def _transformed(self, tokens: Tensor, given: dict[str, Tensor]) -> tuple[Tensor, _Cells]:
        transformer = self.mask_decoder.transformer
        first, second = cast(list[Layer], list(transformer.layers))
        places = tokens
        tokens = first.norm1(_among_themselves(first.self_attn, tokens, tokens))
        looking, looked = first.cross_attn_token_to_image, first.cross_attn_image_to_token
        tokens = first.norm2(
            tokens + _found(looking, tokens + places, given["keys_0"], None, given["values_0"], None)
        )
        tokens = first.norm3(tokens + first.mlp(tokens))
        weights = _weights(looked, tokens + places, given["asked_0"], None, None)
        told = _heads(looked.v_proj(tokens))
        vectors, crossed = (told @ _vectors(looked)).flatten(1, 2), (told @ given["crossed_0"]).flatten(1, 2)
        cells = _normalised(first.norm4, None, weights, vectors, crossed, given["own_0"])

        placed = tokens + places
        tokens = second.norm1(tokens + _among_themselves(second.self_attn, placed, tokens))
        looking, looked_again = second.cross_attn_token_to_image, second.cross_attn_image_to_token
        keys = given["keys_1"], given["key_places_1"]
        tokens = second.norm2(tokens + _found(looking, tokens + places, *keys, given["values_1"], cells))
        tokens = second.norm3(tokens + second.mlp(tokens))
        asked = given["asked_1"], given["asked_places_1"]
        weights = _weights(looked_again, tokens + places, *asked, cells)
        told_again = _heads(looked_again.v_proj(tokens))
        joined = self._joined(cells, weights, told, told_again, given["crossed_1"])
        cells = _normalised(second.norm4, cells.scale, *joined, given["own_1"])

        last = transformer.final_attn_token_to_image
        keys = given["keys_2"], given["key_places_2"]
        found = _found(last, tokens + places, *keys, given["values_2"], cells)
        return transformer.norm_final_attn(tokens + found), cells

    def _joined(
        self, cells: _Cells, weights: Tensor, told: Tensor, told_again: Tensor, crossed: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Weights and vectors, centred, of the cells and of what the second layer's tokens tell them; and
        twice the vectors' products with the image's cells."""
        looked = cast(Layer, self.mask_decoder.transformer.layers[1]).cross_attn_image_to_token
        before, now, still = (
            crossed[: EMBEDDING // 2],
            crossed[EMBEDDING // 2 : EMBEDDING],
            crossed[EMBEDDING:],
        )
        batch = weights.shape[0]
        constant = _centred(cells.constant + looked.out_proj.bias, 0).expand(batch, 1, -1)
        vectors = [_centred(cells.vectors, -1), (told_again @ _vectors(looked)).flatten(1, 2), constant]
        products = [
            (told @ _of_heads(before)).flatten(1, 2),
            (told_again @ _of_heads(now)).flatten(1, 2),
            still.expand(batch, -1, -1),
        ]
        everywhere = torch.ones_like(cells.scale)
        joined = torch.cat([cells.weights, weights, everywhere], 1)
        return joined, torch.cat(vectors, 1), torch.cat(products, 1)

    def _upscaled(self, cells: _Cells, given: dict[str, Tensor]) -> Tensor:
        """(B, 65536, 32), in the order of ``in_quarters``."""
        first, norm, _, second, _ = self.mask_decoder.output_upscaling
        assert isinstance(first, nn.ConvTranspose2d)  # noqa: S101 - for the type checker
        assert isinstance(norm, ChannelNorm)  # noqa: S101
        assert isinstance(second, nn.ConvTranspose2d)  # noqa: S101
        product = quarters_weight(first)
        larger = cells.weights.transpose(1, 2) @ (cells.vectors @ product)
        larger = larger + cells.scale.transpose(1, 2) * given["upscaled"]
        larger = larger + (cells.constant @ product + _bias(first))
        larger = larger.reshape(-1, 4 * _CELLS, first.out_channels)
        if "fine" in given:
            larger = larger + given["fine"]
        larger = functional.layer_norm(larger, (first.out_channels,), norm.weight, norm.bias, norm.eps)
        # Of all prompts' cells in one list, because runtimes add a bias to such a product for nothing.
        flat = functional.gelu(larger).reshape(-1, first.out_channels)
        largest = (flat @ quarters_weight(second) + _bias(second)).reshape(-1, 16 * _CELLS, _FINEST)
        if "finest" in given:
            largest = largest + given["finest"]
        return functional.gelu(largest)

    def _logits(self, tokens: Tensor, upscaled: Tensor) -> Tensor:
        """(B, 4, 256, 256) from the masks' tokens (B, 4 or more, 256), of which the first four count."""
        heads = enumerate(self.mask_decoder.output_hypernetworks_mlps)
        weights = torch.stack([head(tokens[:, i]) for i, head in heads], 2)
        return _in_rows((upscaled @ weights).transpose(1, 2))


def _in_rows(logits: Tensor) -> Tensor:
    """(B, 4, 256, 256) from logits (B, 4, 65536) by cell, by its quarters and by the quarters of these.

    A cell's upper and lower halves go to rows of their own, then those of its quarters: two transpositions of
    two neighbouring axes, which runtimes do faster than one of many.
    """
    halves = logits.reshape(-1, GRID, 2, 8).transpose(1, 2)
    return halves.reshape(-1, 2 * GRID, 2, 2).transpose(1, 2).reshape(-1, _MASKS, LOW_RES, LOW_RES)


def _heads(x: Tensor) -> Tensor:
    """(B, T, inner) -> (B, 8, T, inner / 8)."""
    return x.reshape(x.shape[0], x.shape[1], HEADS, x.shape[2] // HEADS).transpose(1, 2)


def _of_heads(x: Tensor) -> Tensor:
    """(inner, 4096) -> (8, inner / 8, 4096)."""
    return x.reshape(HEADS, -1, _CELLS)


def _centred(x: Tensor, axis: int) -> Tensor:
    return x - x.mean(axis, keepdim=True)


def _keys(attention: TokensToPixels, cells: Tensor) -> Tensor:
    """(8, 16, 4096); the bias adds the same to a token's scores of all cells, which softmax ignores."""
    return _of_heads(attention.k_proj.weight @ cells)


def _values(attention: TokensToPixels, cells: Tensor) -> Tensor:
    """(8, 4096, 16) without the bias: a token's weights add up to one, so that it is added once."""
    return _of_heads(attention.v_proj.weight @ cells).transpose(1, 2)


def _asked(attention: PixelsToTokens, cells: Tensor) -> Tensor:
    """(8, 16, 4096)"""
    return _of_heads(attention.q_proj.weight @ cells + attention.q_proj.bias[:, None])


def _vectors(attention: PixelsToTokens) -> Tensor:
    """(8, 16, 256): what each channel of a head adds to a cell, centred."""
    weight = attention.out_proj.weight.reshape(EMBEDDING, HEADS, -1).permute(1, 2, 0)
    return _centred(weight, -1)


def _bias(convolution: nn.ConvTranspose2d) -> Tensor:
    """The bias of each quarter."""
    return cast(Tensor, convolution.bias).repeat(4)


def _among_themselves(attention: Attention, placed: Tensor, tokens: Tensor) -> Tensor:
    """``TokensAmongThemselves`` for each prompt: (B, T, 256)."""
    queries, keys = _heads(attention.q_proj(placed)), _heads(attention.k_proj(placed))
    found = functional.scaled_dot_product_attention(queries, keys, _heads(attention.v_proj(tokens)))
    return cast(Tensor, attention.out_proj(found.transpose(1, 2).flatten(2)))


def _scores(
    vectors: Tensor, projection: Tensor, shared: Tensor, places: Tensor | None, cells: _Cells | None
) -> Tensor:
    """(B, 8, T, 4096): products of ``vectors`` (B, 8, T, 16) with the cells.

    ``projection``: (8, 16, 256), of the cells; ``shared``, ``places``: (8, 16, 4096), of the image's cells
    and of their places. Without ``cells`` a prompt's are still the image's, their places are in ``shared``.
    """
    scores = vectors @ shared
    if cells is None or places is None:
        return scores
    own = (vectors @ projection).flatten(1, 2) @ cells.vectors.transpose(1, 2) @ cells.weights
    return scores * cells.scale[:, None] + vectors @ places + own.reshape(scores.shape)


def _found(
    attention: TokensToPixels,
    tokens: Tensor,
    keys: Tensor,
    places: Tensor | None,
    values: Tensor,
    cells: _Cells | None,
) -> Tensor:
    """What tokens (B, T, 256) find in the cells: (B, T, 256)."""
    queries = _heads(attention.q_proj(tokens)) * attention.each**-0.5
    weights = _scores(queries, attention.by_head(attention.k_proj), keys, places, cells).softmax(-1)
    if cells is None:
        seen, constant = weights @ values, attention.v_proj.bias
    else:
        seen = (weights * cells.scale[:, None]) @ values
        vectors = weights.flatten(1, 2) @ cells.weights.transpose(1, 2) @ cells.vectors
        vectors = vectors.reshape(vectors.shape[0], HEADS, -1, EMBEDDING)
        seen = seen + vectors @ attention.by_head(attention.v_proj).transpose(1, 2)
        constant = attention.v_proj(cells.constant)
    return cast(Tensor, attention.out_proj(seen.transpose(1, 2).flatten(2) + constant))


def _weights(
    attention: PixelsToTokens, tokens: Tensor, asked: Tensor, places: Tensor | None, cells: _Cells | None
) -> Tensor:
    """(B, 8 T, 4096): how much each cell takes from each head of each token (B, T, 256)."""
    keys = _heads(attention.k_proj(tokens)) * attention.each**-0.5
    scores = _scores(keys, attention.by_head(attention.q_proj), asked, places, cells)
    # softmax of an axis that is not the last one would be transposed twice
    powers = (scores - scores.amax(2, keepdim=True)).exp()
    return (powers / powers.sum(2, keepdim=True)).flatten(1, 2)


def _normalised(
    norm: nn.LayerNorm, scale: Tensor | None, weights: Tensor, vectors: Tensor, crossed: Tensor, own: Tensor
) -> _Cells:
    """The cells after ``norm``; their vectors are centred, as the image's cells are. No ``scale`` is 1.

    ``crossed``: (B, R, 4096), twice the vectors' products with the image's cells. ``own``: (4096,), of these
    with themselves.
    """
    squares = vectors @ vectors.transpose(1, 2) @ weights
    if scale is None:
        spread = (weights * (squares + crossed)).sum(1, keepdim=True) + own
    else:
        spread = (weights * (squares + scale * crossed)).sum(1, keepdim=True) + scale * scale * own
    shrunk = (spread / EMBEDDING + norm.eps).rsqrt()
    scale = shrunk if scale is None else scale * shrunk
    return _Cells(scale, weights * shrunk, vectors * norm.weight, norm.bias)
