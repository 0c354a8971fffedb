"""The official code of SAM, SAM 2 and HQ-SAM with given weights, behind one interface."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.build_sam import build_sam2
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.sam2_image_predictor import SAM2ImagePredictor
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from segmenters.architectures import Architecture, Family
from segmenters.models import ARCHITECTURES
from values.prompt import Prompt

Floats = NDArray[np.float32]
Added = Callable[[NDArray[np.generic]], tuple[Floats, Floats]]
"""For points (B, 2) on the canvas: logits (B, 3, 256, 256) and scores (B, 3)."""


@dataclass(frozen=True, slots=True)
class Sam2Config:
    """``file``: the end of its name, which stands for a size. ``changes``: of its values, for Hydra."""

    file: str
    changes: tuple[str, ...] = ()


SAM2_CONFIGS = {
    "tiny": Sam2Config("t"),
    "small": Sam2Config("s"),
    "base_plus": Sam2Config("b+"),
    "large": Sam2Config("l"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """``masks``: (N, H, W) logits at the image's size; ``scores``: (N,); ``low_res``: (N, 256, 256)."""

    masks: Floats
    scores: Floats
    low_res: Floats


class Official(Protocol):
    """An official predictor with one image.

    ``one_of_three``: whether it gives the best of three masks where three are asked for.
    """

    one_of_three: bool

    def set_image(self, rgb: NDArray[np.uint8]) -> dict[str, Tensor]:
        """The features of an image (H, W, 3), under the names of ``Architecture.outputs``, each (1, ...)."""
        ...

    def predict(self, prompt: Prompt, multimask: bool, earlier: Floats | None) -> Answer:
        """Three masks, or one, of the image. ``earlier``: (1, 256, 256) low-res logits to refine, or None."""
        ...

    def everything(self, added: Added, **options: Any) -> list[dict[str, Any]]:
        """What the official mask generator finds in the image, with its own options.

        ``added``: to the decoder's answers, whose masks are about the same wherever stand-ins are clicked.
        """
        ...


def module(architecture: Architecture) -> nn.Module:
    """The official network for inference, with weights of its own random initialisation."""
    built: nn.Module
    if architecture.family is Family.EDGETAM:
        built = edgetam()
    elif architecture.family is Family.HQ_SAM:
        built = hq_sam().sam_model_registry[architecture.name.removeprefix("sam_hq_")]()
    elif architecture.family is Family.SAM2:
        version, size = architecture.name.split("_hiera_")
        config = SAM2_CONFIGS[size]
        path = f"configs/{version}/{version}_hiera_{config.file}.yaml"
        device = torch.get_default_device().type
        built = build_sam2(path, device=device, hydra_overrides_extra=list(config.changes))
    else:
        built = sam_model_registry[architecture.name.removeprefix("sam_")]()
    return built


def edgetam() -> nn.Module:
    """EdgeTAM as its config ``sam2/configs/edgetam.yaml`` has it, but for what only a video needs.

    Its repository is no package. What it has in place of SAM 2's image encoder is timm's RepViT-M1, and
    SAM 2's own pyramid with the widths of RepViT; its mask decoder and predictor are SAM 2's, line by line.
    """
    built = module(ARCHITECTURES["sam2.1_hiera_tiny"])
    trunk = _RepVit()
    neck = FpnNeck(
        PositionEmbeddingSine(256),
        d_model=256,
        backbone_channel_list=trunk.channel_list,
        fpn_top_down_levels=[2, 3],
        fpn_interp_model="nearest",
    )
    built.image_encoder = ImageEncoder(trunk, neck, scalp=1)
    return built.eval()


def hq_sam() -> ModuleType:
    """The official package of HQ-SAM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of timm, about the names by which it is imported
        return importlib.import_module("segment_anything_hq")  # here, because timm takes seconds


class _RepVit(nn.Module):
    """The trunk, its network under the name ``body``, as EdgeTAM's checkpoint has it."""

    def __init__(self) -> None:
        import timm  # here, because it takes seconds

        super().__init__()
        self.body = timm.create_model("repvit_m1", features_only=True, out_indices=(0, 1, 2, 3))
        self.channel_list = self.body.feature_info.channels()[::-1]

    def forward(self, image: Tensor) -> list[Tensor]:
        found: list[Tensor] = self.body(image)
        return found


def described(architecture: Architecture) -> nn.Module:
    """The official network on the meta device: without weights, so that its size takes no memory."""
    with torch.device("meta"), _NumbersAtHand():
        return module(architecture)


def shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The keys of the official checkpoint with their shapes."""
    return {key: tuple(value.shape) for key, value in described(architecture).state_dict().items()}


def predictor(architecture: Architecture, weights: Mapping[str, Tensor]) -> Official:
    """The official predictor with ``weights``, exactly those of the checkpoint."""
    network = module(architecture)
    network.load_state_dict(dict(weights), strict=True)
    network.eval()  # again, as demos do: TinyViT looks its attention biases up here, not when they change
    if architecture.family is Family.HQ_SAM:
        return _HqSam(network)
    return _Sam2(network) if architecture.family.as_sam2 else _Sam(network)


class _NumbersAtHand(TorchFunctionMode):
    """Series of numbers stay off the meta device: SAM 2's constructor reads one, number by number."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace:
            kwargs = {"device": "cpu"} | kwargs
        return func(*args, **kwargs)


class _Sam:
    one_of_three = False

    def __init__(self, network: nn.Module) -> None:
        self._predictor = self._made(network)

    def _made(self, network: nn.Module) -> Any:
        return SamPredictor(network)

    def set_image(self, rgb: NDArray[np.uint8]) -> dict[str, Tensor]:
        self._predictor.set_image(rgb)
        return {"image_embeddings": self._predictor.get_image_embedding()}

    def predict(self, prompt: Prompt, multimask: bool, earlier: Floats | None) -> Answer:
        size = self._predictor.original_size
        return Answer(*self._predictor.predict(**_asked(prompt, size, multimask, earlier)))

    def everything(self, added: Added, **options: Any) -> list[dict[str, Any]]:
        network, [height, width] = self._predictor.model, self._predictor.original_size
        generator = SamAutomaticMaskGenerator(network, **options)
        generator.predictor = _Encoded(self._predictor)
        with _adding(network.prompt_encoder, network.mask_decoder, added):
            found: list[dict[str, Any]] = generator.generate(np.zeros((height, width, 3), np.uint8))
        return found


class _HqSam(_Sam):
    """Its mask is added to the one of SAM's that is asked for, or to the best of three."""

    one_of_three = True

    def _made(self, network: nn.Module) -> Any:
        return hq_sam().SamPredictor(network)

    def set_image(self, rgb: NDArray[np.uint8]) -> dict[str, Tensor]:
        found = super().set_image(rgb)
        decoder, early = self._predictor.model.mask_decoder, self._predictor.interm_features[0]
        with torch.inference_mode():
            features = decoder.embedding_encoder(found["image_embeddings"])
            features = features + decoder.compress_vit_feat(early.permute(0, 3, 1, 2))
        return found | {"hq_features": features}


class _Sam2:
    one_of_three = False

    def __init__(self, network: nn.Module) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit.script, for its transforms
            self._predictor = SAM2ImagePredictor(network)

    def set_image(self, rgb: NDArray[np.uint8]) -> dict[str, Tensor]:
        self._predictor.set_image(rgb)
        found = self._predictor._features
        fine, middle = found["high_res_feats"]
        return {"image_embeddings": found["image_embed"], "high_res_0": fine, "high_res_1": middle}

    def predict(self, prompt: Prompt, multimask: bool, earlier: Floats | None) -> Answer:
        [size] = self._predictor._orig_hw
        return Answer(*self._predictor.predict(**_asked(prompt, size, multimask, earlier)))

    def everything(self, added: Added, **options: Any) -> list[dict[str, Any]]:
        network, [[height, width]] = self._predictor.model, self._predictor._orig_hw
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as above
            generator = SAM2AutomaticMaskGenerator(network, **options)
        generator.predictor = _Encoded(self._predictor)
        with _adding(network.sam_prompt_encoder, network.sam_mask_decoder, added):
            found: list[dict[str, Any]] = generator.generate(np.zeros((height, width, 3), np.uint8))
        return found


class _Encoded:
    """A predictor that keeps the image that it has: to encode it again would take seconds."""

    def __init__(self, predictor: Any) -> None:
        self._kept = predictor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept, name)

    def set_image(self, rgb: NDArray[np.uint8]) -> None:
        """It is there already."""

    def reset_image(self) -> None:
        """It stays."""

    reset_predictor = reset_image


@contextmanager
def _adding(prompts: nn.Module, masks: nn.Module, added: Added) -> Iterator[None]:
    """For the block: answers with what ``added`` gives for the first point of each prompt."""
    points: list[Tensor] = []

    def look(_: nn.Module, __: Any, given: dict[str, Any]) -> None:
        points.append(given["points"][0][:, 0])

    def add(_: nn.Module, __: Any, answer: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        logits, scores = added(points.pop().numpy())
        return (answer[0] + torch.from_numpy(logits), answer[1] + torch.from_numpy(scores), *answer[2:])

    hooks = prompts.register_forward_pre_hook(look, with_kwargs=True), masks.register_forward_hook(add)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _asked(prompt: Prompt, size: tuple[int, int], multimask: bool, earlier: Floats | None) -> dict[str, Any]:
    """The arguments of both predictors, which take pixels of the image of ``size``, (height, width).

    Clicks are None beside a box alone; nothing at all is no clicks.
    """
    clicks = len(prompt.points) > 0 or prompt.box is None
    sides = np.array(size[::-1], np.float64)
    return {
        "point_coords": prompt.points * sides if clicks else None,
        "point_labels": prompt.labels if clicks else None,
        "box": None if prompt.box is None else prompt.box * np.tile(sides, 2),
        "mask_input": earlier,
        "multimask_output": multimask,
        "return_logits": True,
    }
