"""Weights in the precision in which a network's products are computed, cast once and not for each batch.

``torch.autocast`` casts whatever a product reads whenever it reads it: each batch would begin with copies of
all weights, of 2.5 GB in SAM's ViT-H.
"""

from __future__ import annotations

import torch
from torch import nn

_PRODUCTS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def narrow(module: nn.Module, dtype: torch.dtype) -> None:
    """Cast to ``dtype`` what the products of ``module`` read, one tensor after the other.

    A layer names in ``IN_PRODUCTS`` what it has of its own for products and attention. All else stays as it
    is, because autocast computes with it in float32: normalisations, embeddings of tokens, positions.
    """
    for layer in module.modules():
        own: tuple[str, ...] = getattr(type(layer), "IN_PRODUCTS", ())
        for name in (*own, *(("weight", "bias") if isinstance(layer, _PRODUCTS) else ())):
            value = getattr(layer, name)
            if isinstance(value, nn.Parameter):
                setattr(layer, name, nn.Parameter(value.detach().to(dtype), requires_grad=False))
            elif value is not None:
                setattr(layer, name, value.to(dtype))
