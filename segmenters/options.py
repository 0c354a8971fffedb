"""What an operator may choose about the model: which one, whose weights, what runs it and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _device(value: str) -> str:
    """A device as torch names it, in lower case. Raises ValueError with the end of a sentence."""
    value = value.strip().lower()
    if re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", value) is None:
        meant = "; a GPU of NVIDIA is cuda" if value in ("gpu", "nvidia", "0") else ""
        raise ValueError(f"must be auto, cpu, cuda or cuda:N, and is another word{meant}")
    return value


def _sha256(value: str) -> str:
    """A SHA-256 in lower case. Raises ValueError with the end of a sentence."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
        raise ValueError("must be the 64 hexadecimal digits of a SHA-256, and is other text")
    return value.lower()


Device = Annotated[str, AfterValidator(_device)]
Sha256 = Annotated[str, AfterValidator(_sha256)]


class ModelOptions(BaseModel):
    """The model, its weights, its runtime and its devices."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = Field(
        default="auto",
        description="Which segmenter serves: `auto` takes the best this machine can run, keeps to it, and"
        " falls back to `classical`, which needs no weights; a name turns the fallback off. See"
        " docs/models.md.",
    )
    sam_choice: Literal["SAM", "MobileSAM", "ONNX"] | None = Field(
        default=None,
        description="The model as Label Studio's SAM example names it: `SAM` is `sam_vit_h`, `MobileSAM` is"
        " `mobile_sam`, `ONNX` is `onnx`. Used while `model` is `auto`.",
    )
    sam2_config: str | None = Field(
        default=None,
        description="The model as Label Studio's SAM 2 example names it, such as"
        " `configs/sam2.1/sam2.1_hiera_l.yaml`: no file is read. Used while `model` is `auto`.",
    )
    checkpoint: str | None = Field(
        default=None,
        description="Weights of the model that serves, in place of the publisher's: a path (relative ones are"
        " looked for in `model_dir`) or a URL, which needs `checkpoint_sha256`. While `model` is `auto`, a"
        " file says itself of which model it is.",
    )
    checkpoint_sha256: Sha256 | None = Field(
        default=None, description="SHA-256 that the file named by `checkpoint` must have."
    )
    vith_checkpoint: str | None = Field(
        default=None, description="As `checkpoint`, for `sam_vit_h` and the encoder of `onnx`."
    )
    mobilesam_checkpoint: str | None = Field(default=None, description="As `checkpoint`, for `mobile_sam`.")
    onnx_checkpoint: str | None = Field(
        default=None,
        description="The ONNX file that decodes clicks for `onnx`, made by segment-anything's exporter or by"
        " the converter of Label Studio's SAM example, quantised or not.",
    )
    onnx_encoder: str = Field(
        default="sam_vit_h",
        description="What encodes images for `onnx`: the name of a SAM or MobileSAM model, or an ONNX file."
        " It must be the model that `onnx_checkpoint` was made from.",
    )
    model_dir: Path = Field(
        default=Path("~/.cache/segment-anything"),
        description="Folder of checkpoints, of what is exported from them, and of what `auto` has chosen.",
    )
    checkpoint_mirror: str | None = Field(
        default=None,
        description="URL of a folder that holds the publishers' checkpoint files under their own names; taken"
        " in place of the publishers.",
    )
    offline: bool = Field(default=False, description="Never download a checkpoint.")
    device: Device = Field(
        default="auto",
        description="Where the encoder runs: `cpu`, `cuda`, `cuda:N`; `auto` takes a GPU where there is one,"
        " `cuda` waits for one where nodes may still be started.",
    )
    decoder_device: Device = Field(
        default="cpu", description="Where clicks are decoded: `cpu`, `cuda`, `cuda:N`; `auto` is as `device`."
    )
    runtime: Literal["auto", "onnxruntime", "openvino", "torch"] = Field(
        default="auto",
        description="What runs a half on CPU: `auto` is `onnxruntime`; `openvino` needs the package of that"
        " name. On a GPU torch runs it.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="`auto` is bfloat16 on a GPU and float32 on CPU. With `onnxruntime` it is float32"
        " whatever is set.",
    )
    compile: bool = Field(
        default=False,
        description="Compile the encoder on a GPU: minutes at the start, faster from then on.",
    )
