"""What people mistype, each with what they are told; `serve` and `doctor` say the same."""

from __future__ import annotations

import base64
import json
from pathlib import Path

_HALF_A_TOKEN = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "HS256", "typ": "JWT"}, {"token_type": "refresh", "exp": 8089337220})
)
_PAGES_TOKEN = "make a new one under Account & Settings > Personal Access Token, and copy it whole."


MISTAKES: dict[str, tuple[dict[str, str], str]] = {
    "host without scheme": (
        {"LABEL_STUDIO_URL": "localhost:8080"},
        "LABEL_STUDIO_URL: needs http:// or https:// in front. Correct it in the environment, or ",
    ),
    "user without password": (
        {"BASIC_AUTH_USER": "ann"},
        "BASIC_AUTH_USER is set and BASIC_AUTH_PASS is not.",
    ),
    "password without user": (
        {"BASIC_AUTH_PASS": "secret"},
        "BASIC_AUTH_PASS is set and BASIC_AUTH_USER is not.",
    ),
    "no such model": ({"MODEL": "mobilesam"}, "No model is called 'mobilesam' (did you mean mobile_sam?); "),
    "no such config of SAM 2": ({"MODEL_CONFIG": "sam2_hiera_xl.yaml"}, "which is none of SAM 2's configs; "),
    "no such device": (
        {"DEVICE": "gpu"},
        "DEVICE: must be auto, cpu, cuda or cuda:N, and is another word; a GPU of NVIDIA is cuda. Correct it "
        "in the environment, or leave it out for auto.",
    ),
    "no GPU": ({"DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": ""}, "DEVICE is cuda and this machine has no GPU "),
    "no GPU for clicks": (
        {"DECODER_DEVICE": "cuda:0", "CUDA_VISIBLE_DEVICES": ""},
        "DECODER_DEVICE is cuda:0 and this machine has no GPU ",
    ),
    "no such checkpoint": (
        {"MODEL": "mobile_sam", "CHECKPOINT": "/nowhere/mine.pt"},
        "Cannot read the checkpoint /nowhere/mine.pt: No such file or directory; put the file there, or ",
    ),
    "no such checkpoint of no model": (
        {"CHECKPOINT": "/nowhere/mine.pt"},
        "Cannot read the checkpoint /nowhere/mine.pt: No such file or directory; put the file there, or ",
    ),
    "a folder for a checkpoint": (
        {"MODEL": "sam_vit_h", "VITH_CHECKPOINT": str(Path(__file__).parent)},
        "is not a file; name a file of weights.",
    ),
    "text for a checkpoint": (
        {"CHECKPOINT": "/dev/null"},
        "/dev/null is not a file; name a file of weights.",
    ),
    "no checkpoint, and none may be downloaded": (
        {"MODEL": "sam_vit_b", "OFFLINE": "1", "MODEL_DIR": "/nowhere"},
        "There is no checkpoint of sam_vit_b at /nowhere/sam_vit_b_01ec64.pth; run `python -m serve_app "
        "models download sam_vit_b`, or set MODEL_DIR to the folder that has it.",
    ),
    "no detector, and none may be downloaded": (
        {"MODEL": "classical", "FINDER": "owlv2_base", "OFFLINE": "1", "MODEL_DIR": "/nowhere"},
        "There is no file of owlv2_base at /nowhere/owlv2_base/model.safetensors; run `python -m serve_app "
        "models download owlv2_base`, or set MODEL_DIR to the folder that has it.",
    ),
    "no GPU for a detector": (
        {"FINDER": "owlv2_base", "FINDER_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": ""},
        "FINDER_DEVICE is cuda and this machine has no GPU ",
    ),
    "no ONNX file": ({"MODEL": "onnx"}, "set ONNX_CHECKPOINT to one made by segment-anything's exporter."),
    "an ONNX file for torch": (
        {"MODEL": "onnx", "ONNX_CHECKPOINT": "/nowhere/a.onnx", "RUNTIME": "torch"},
        "The decoder is an ONNX file, which torch cannot run; set RUNTIME to onnxruntime or openvino.",
    ),
    "an encoder of another family": (
        {"MODEL": "onnx", "ONNX_CHECKPOINT": __file__, "ONNX_ENCODER": "sam2_hiera_tiny"},
        "set ONNX_ENCODER to a SAM or to mobile_sam.",
    ),
    "a variable a letter off": (
        {"LABEL_STUDIO_ULR": "http://localhost:8080"},
        "LABEL_STUDIO_ULR is not a setting; did you mean LABEL_STUDIO_URL? Correct its name, or remove it "
        "from the environment.",
    ),
    "a port a letter off": ({"PROT": "9091"}, "PROT is not a setting; did you mean PORT? "),
    "a token as the page lists it": ({"LABEL_STUDIO_API_KEY": _HALF_A_TOKEN}, _PAGES_TOKEN),
    "a token with dots for its end": ({"LABEL_STUDIO_API_KEY": f"{_HALF_A_TOKEN}..."}, _PAGES_TOKEN),
    "a project's page": (
        {"LABEL_STUDIO_URL": "http://localhost:8080/projects/3/data?tab=7"},
        "is the address of a page of Label Studio; the site's own is http://localhost:8080. ",
    ),
    "text for a number": ({"CACHE_MIB": "lots"}, "CACHE_MIB: must be a whole number, and is text. "),
}
"""By what is wrong: the variables, and the end of what is said, or a part of it."""
