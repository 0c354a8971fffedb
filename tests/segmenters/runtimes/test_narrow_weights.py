from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from segmenters.architectures import SIDE
from segmenters.models import ARCHITECTURES
from segmenters.networks import sam, sam2_encoder, tiny_vit
from segmenters.networks.hq_sam import HqEncoder
from segmenters.networks.hq_sam_decoder import HqDecoder
from segmenters.networks.layers import Windows
from segmenters.networks.loading import example
from segmenters.networks.sam2 import Sam2Decoder
from segmenters.networks.sam_decoder import SamDecoder
from segmenters.runtimes.narrow_weights import narrow
from segmenters.runtimes.session import Half
from segmenters.runtimes.torch_runtime import TorchDevice

aten = torch.ops.aten
CASTS = (aten.to, aten._to_copy)
# What takes a CPU seconds in bfloat16, and has new memory for what it gives.
COSTLY = (
    *(aten.linear, aten.matmul, aten.addmm, aten.mm, aten.bmm, aten.conv2d, aten.conv_transpose2d),
    *(aten.convolution, aten.scaled_dot_product_attention, aten.layer_norm, aten.gelu, aten.softmax),
)


class Copies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts casts of tensors that share the memory of a module's own; of products only shapes are right."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self._own = {_memory(each) for each in (*module.parameters(), *module.buffers())}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func.overloadpacket in COSTLY:
            shapes = tree_map_only(Tensor, lambda each: each.to("meta"), (args, kwargs or {}))
            found = func(*shapes[0], **shapes[1])
            return tree_map_only(Tensor, lambda each: torch.zeros_like(each, device="cpu"), found)
        found = func(*args, **(kwargs or {}))
        if func.overloadpacket in CASTS and found.dtype != args[0].dtype and _memory(args[0]) in self._own:
            self.count += 1
        return found


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


class Layers(nn.Module):
    """Products of each kind, one without a bias, around what is computed in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.ConvTranspose2d(8, 8, 2, 2)
        self.norm = nn.LayerNorm(8)
        self.third = nn.Linear(8, 8, bias=False)
        self.table = nn.Embedding(2, 8)

    def forward(self, image: Tensor) -> Tensor:
        x = self.second(self.first(image)).permute(0, 2, 3, 1)
        found: Tensor = self.third(self.norm(x)) + self.table.weight[0]
        return found


class Named(nn.Module):
    """A table and a constant that products read, and a table that they do not."""

    IN_PRODUCTS = ("table", "constant")
    constant: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.table, self.other = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2, 2))
        self.register_buffer("constant", torch.zeros(2))


def test_what_products_read_is_cast_and_nothing_else() -> None:
    module = nn.Sequential(Layers(), Named())
    narrow(module, torch.bfloat16)
    narrowed = {
        name
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
        if tensor.dtype is torch.bfloat16
    }
    layers = {f"0.{each}" for each in ("first.weight", "first.bias", "second.weight", "second.bias")}
    assert narrowed == layers | {"0.third.weight", "1.table", "1.constant"}
    assert set(dict(module.named_buffers())) == {"1.constant"}
    assert not any(each.requires_grad for each in module.parameters() if each.dtype is torch.bfloat16)


def test_the_answers_are_those_of_weights_that_are_cast_for_each_batch() -> None:
    torch.manual_seed(0)
    module, image = Layers(), torch.rand(2, 3, 8, 8)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = module(image)
        narrow(module, torch.bfloat16)
        assert torch.equal(module(image), expected)


def _example(name: str) -> dict[str, Tensor]:
    return example(ARCHITECTURES[name], Half.DECODER)


IMAGE = {"image": torch.zeros(1, 3, SIDE, SIDE)}
# Each kind of block once, in few channels where they are not fixed.
NETWORKS: Mapping[str, Callable[[], tuple[nn.Module, dict[str, Tensor]]]] = {
    "SAM's encoder": lambda: (sam.SamEncoder(sam.Vit(sam.Size(32, 2, 2, (1,)))), IMAGE),
    "TinyViT's blocks": lambda: (
        nn.Sequential(tiny_vit.Block(64, 14, 7), tiny_vit.Convolutions(64), tiny_vit.Merging(64, 32, 2)),
        {"input": torch.zeros(1, 64, 14, 14)},
    ),
    "SAM 2's encoder": lambda: (
        sam2_encoder.Sam2Encoder(sam2_encoder.Size(8, 1, (1, 2, 2, 2), (4,))),
        IMAGE,
    ),
    "SAM's decoder": lambda: (SamDecoder(), _example("sam_vit_b")),
    "HQ-SAM's encoder": lambda: (HqEncoder(sam.Vit(sam.Size(32, 2, 2, (1,))), 32), IMAGE),
    "HQ-SAM's decoder": lambda: (HqDecoder(), _example("sam_hq_vit_tiny")),
    "SAM 2's decoder": lambda: (Sam2Decoder(), _example("sam2.1_hiera_tiny")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_no_batch_in_bfloat16_copies_weights(name: str) -> None:
    module, inputs = NETWORKS[name]()
    device = TorchDevice("cpu", 1, bfloat16=True)
    module.eval().requires_grad_(False)
    counts = []
    for take in (nn.Module.eval, device.take):
        taken = take(module)
        with device.computing(), Copies(taken) as counted:
            taken(**inputs)
        counts.append(counted.count)
    assert (counts[0] > 2, counts[1]) == (True, 0)


def test_what_attention_adds_to_its_scores_is_cast_once_too() -> None:
    for module, names in (
        (sam.Attention(32, 2, 14), ("rel_pos_h", "rel_pos_w")),
        (tiny_vit.Attention(Windows(14, 7, 64, 2)), ("biases",)),
    ):
        narrow(module, torch.bfloat16)
        assert {getattr(module, name).dtype for name in names} == {torch.bfloat16}
