"""A detector's halves with the weights of its publisher's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from finders.architecture import Architecture
from finders.image_half import ImageHalf
from finders.networks import ImageNetwork, TextNetwork, of_the_image, of_the_text
from finders.text_half import TextHalf
from finders.tokenizer import Tokenizer
from segmenters.networks.checkpoint_file import out_of_memory, read
from segmenters.networks.loading import misfit
from segmenters.runtimes.torch_runtime import TorchDevice
from values.errors import ModelError

Network = TypeVar("Network", bound=nn.Module)


def load_image_half(architecture: Architecture, weights: Path, finder: str, device: TorchDevice) -> ImageHalf:
    """The half that sees pictures. ``finder``: the id that what it finds bears.

    Raises ``values.errors.ModelError`` for a file that is missing, damaged or of another model, and when
    memory is short.
    """
    network = _filled(ImageNetwork, architecture, weights, of_the_image)
    return ImageHalf(architecture, network, finder, device)


def load_text_half(architecture: Architecture, weights: Path, merges: Path, device: TorchDevice) -> TextHalf:
    """The half that reads phrases. Raises ``values.errors.ModelError`` as ``load_image_half`` does."""
    tokenizer = Tokenizer.read(merges, architecture.context)
    if tokenizer.size != architecture.vocabulary:
        raise ModelError(
            f"the merges in {merges} make {tokenizer.size} tokens, and the weights in {weights} know "
            f"{architecture.vocabulary}; put the merges.txt of the same model there"
        )
    return TextHalf(tokenizer, _filled(TextNetwork, architecture, weights, of_the_text), device)


def _filled(
    kind: Callable[[Architecture], Network],
    architecture: Architecture,
    path: Path,
    part: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
) -> Network:
    try:
        network = kind(architecture)
        state = part(read(path))
        if complaint := misfit(network.state_dict(), state):
            raise ModelError(
                f"{path} does not hold the weights of this detector: {complaint}; put the publisher's "
                "model.safetensors there, or one that was fine-tuned from it"
            )
        # Copies: the other half's entries are not to stay in memory.
        copies = {key: value.detach().to(torch.float32, copy=True) for key, value in state.items()}
        network.load_state_dict(copies, assign=True)
    except (MemoryError, OSError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise ModelError(
            f"not enough memory for the detector in {path}; choose a smaller one or give this process more"
        ) from None
    return network.eval().requires_grad_(False)
