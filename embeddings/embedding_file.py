"""An embedding as a file and back: safetensors, with a signature that says whose it is.

Nothing of a file is trusted: whatever is not an intact embedding of the image and the segmenter asked for is
an error. A checksum finds damage, not malice: who may write the files decides what masks look like.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from values.embedding import Embedding

FORMAT = "1"
"""Changes whenever older files stop being readable."""
LARGEST = 2**28
"""Most bytes of a file."""

_DTYPES = (np.float16, np.float32, np.uint8, np.uint16)
_LARGEST_HEADER = 2**16
_SIZES = ("width", "height", "input_width", "input_height")
_SIZE = re.compile(r"[1-9][0-9]{0,8}")
_EVIDENCE = re.compile(r"[ -~]{0,100}")


class Foreign(ValueError):
    """An intact file of another image, another segmenter or another format."""


class Damaged(ValueError):
    """A file that is not what was once written."""


class Unfit(ValueError):
    """An embedding that cannot be kept."""


def to_bytes(key: str, embedding: Embedding) -> bytes:
    """The file for an embedding of the image ``key``. Takes milliseconds: call it off the event loop.

    Raises Unfit for one that ``from_bytes`` would not read: arrays of other types than float16, float32,
    uint8 and uint16, more than ``LARGEST`` bytes, a size below 1, evidence that is none.
    """
    # safetensors writes the memory of an array as it lies there, whatever its strides.
    arrays = {name: np.asarray(array, order="C") for name, array in embedding.arrays.items()}
    signature = {"format": FORMAT, "key": key, "segmenter": embedding.segmenter}
    signature |= {name: str(getattr(embedding, name)) for name in _SIZES}
    signature["evidence"] = embedding.evidence
    if unfit := _fault(arrays) or _fault_of_signature(signature):
        raise Unfit(unfit)
    signature["checksum"] = _checksum(signature, arrays)
    data = safetensors.numpy.save(arrays, signature)
    if len(data) > LARGEST or _header_length(data) > _LARGEST_HEADER:
        raise Unfit(f"an embedding with {len(data)} bytes in {len(arrays)} arrays is too large to be kept")
    return data


def from_bytes(key: str, segmenter: str, data: bytes) -> Embedding:
    """The embedding of the image ``key`` by ``segmenter`` in a file's bytes; its arrays are its own.

    Takes milliseconds: call it off the event loop. Raises Foreign or Damaged.
    """
    signature = _signature(data)
    wanted = {"format": FORMAT, "key": key, "segmenter": segmenter}
    for name, value in wanted.items():
        if signature.get(name) != value:
            raise Foreign(f"its {name} is {str(signature.get(name))[:80]!r} and not {value!r}")
    try:
        arrays = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Damaged("its arrays are not those of an embedding") from error
    if damage := _fault(arrays) or _fault_of_signature(signature):
        raise Damaged(damage)
    if signature.pop("checksum", None) != _checksum(signature, arrays):
        raise Damaged("its checksum does not match its content")
    width, height, input_width, input_height = (int(signature[name]) for name in _SIZES)
    told = signature.get("evidence", "")  # files of former versions have none
    return Embedding(arrays, segmenter, width, height, input_width, input_height, evidence=told)


def _fault(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    for name, array in arrays.items():
        if name == "__metadata__":
            return "one of its arrays has the name of the signature"
        if array.dtype not in _DTYPES:
            return f"its array {name[:80]!r} is of {array.dtype}, which is not kept"
    return ""


def _fault_of_signature(signature: Mapping[str, str]) -> str:
    if not all(_SIZE.fullmatch(signature.get(name, "")) for name in _SIZES):
        return "its sizes are not those of an image"
    told = _EVIDENCE.fullmatch(signature.get("evidence", ""))
    return "" if told else "its evidence is not what tells an image from another"


def _checksum(signature: Mapping[str, str], arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """CRC-32 of all that an embedding is, in hex."""
    shapes = [(name, array.dtype.name, array.shape) for name, array in sorted(arrays.items())]
    said = json.dumps([signature, shapes], sort_keys=True)
    checksum = zlib.crc32(said.encode())
    for _, array in sorted(arrays.items()):
        checksum = zlib.crc32(array.data, checksum)
    return f"{checksum:08x}"


def _header_length(data: bytes) -> int:
    return int.from_bytes(data[:8], "little")


def _signature(data: bytes) -> dict[str, str]:
    length = _header_length(data)
    if len(data) > LARGEST or not 2 <= length <= min(_LARGEST_HEADER, len(data) - 8):
        raise Damaged("its length is not that of a safetensors file")
    try:
        signature = json.loads(data[8 : 8 + length])["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged("it has no safetensors header with a signature") from None
    if not isinstance(signature, dict):
        raise Damaged("its signature is none")
    return {str(name): str(value) for name, value in signature.items()}
