"""Label Studio's brush RLE: the run-length code of thi.ng/rle-pack over a mask's RGBA bytes.

Bits, most significant first: 32 for the count of bytes (height x width x 4); 5 for the word size - 1;
four times 4 for the run sizes - 1; then items. An item is 1 bit "run", 2 bits that choose a run size, that
many bits for the length - 1, and one word (run) or length words (literal). The format and its constants are
those of ``label_studio_sdk.converter.brush`` and of https://github.com/thi-ng/umbrella (packages/rle-pack).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from values.errors import BadPrompt

_RUN_SIZES = (3, 4, 8, 16)
_LONGEST = 2 ** _RUN_SIZES[-1]
_HEADER_BYTES = 7
# Word size and the four run sizes, each less one, in the 21 bits behind the count.
_HEADER_TAIL = 7 << 16 | 2 << 12 | 3 << 8 | 7 << 4 | 15
_HEADER_BITS = 32 + 21
_COMPARED = 2**22

ENCODED_LIMIT = 2**20
"""Bytes of RLE that ``decode`` reads, in a second at most: a mask on a large photograph has some tens of
thousands."""


def encode(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The RLE of a mask, byte for byte what the SDK's ``mask2rle`` makes of ``mask * 255``.

    ``mask``: HxW bool, at least one pixel. Returns the bytes as a 1-D uint8 array.

    The four channels of a pixel are equal, so runs are found on one channel and their lengths multiplied by
    four; a run is then never shorter than four bytes and literals never occur.

    Raises:
        ValueError: the array is not a bool mask with at least one pixel, or has more than 2**30 pixels.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_ or not 0 < mask.size < 2**30:
        raise ValueError(f"a mask is HxW bool with 1 to 2**30 pixels, not {mask.dtype} of shape {mask.shape}")
    lengths, on = _runs(mask.ravel())
    codes, bits = _items(lengths, on)
    return _pack(codes, bits, mask.size * 4)


def decode(rle: bytes, height: int, width: int) -> NDArray[np.bool_]:
    """The mask in an RLE: HxW bool, on where alpha is not 0, which is what Label Studio's editor draws.

    Allocates ``height * width`` bytes, whatever the RLE claims.

    Raises:
        BadPrompt: the RLE is too long, cut off, of another size, or not brush RLE at all.
    """
    total = _checked(rle, height, width)
    alpha = np.zeros(height * width, np.bool_)
    for start, stop, words in _spans(rle, total):
        # Pixel k's alpha is byte 4k+3, so the pixels of bytes start..stop are start // 4 .. stop // 4.
        alpha[start // 4 : stop // 4] = words[(3 - start) % 4 :: 4] if len(words) > 1 else words[0]
    return alpha.reshape(height, width)


def bounds(rle: bytes, height: int, width: int) -> NDArray[np.float64] | None:
    """(4,) x0, y0, x1, y1: the outer edges of the mask in an RLE, as fractions; None for an empty mask.

    Allocates nothing of the mask's size. Raises as ``decode`` does.
    """
    left, top, right, bottom = width, height, 0, 0
    for start, stop, words in _spans(rle, _checked(rle, height, width)):
        first, behind = start // 4, stop // 4
        if len(words) > 1:
            on = np.flatnonzero(words[(3 - start) % 4 :: 4])
            if not on.size:
                continue
            first, behind = first + int(on[0]), first + int(on[-1]) + 1
        elif not words[0] or behind <= first:
            continue
        last = behind - 1
        rows = (first // width, last // width)
        columns = (first % width, last % width) if rows[0] == rows[1] else (0, width - 1)
        left, top = min(left, columns[0]), min(top, rows[0])
        right, bottom = max(right, columns[1] + 1), max(bottom, rows[1] + 1)
    return np.array([left / width, top / height, right / width, bottom / height]) if right else None


def _checked(rle: bytes, height: int, width: int) -> int:
    """The bytes that are encoded. Raises BadPrompt for what is no RLE of that size."""
    if len(rle) > ENCODED_LIMIT:
        raise BadPrompt(f"the brush RLE has {len(rle)} bytes, over the limit of {ENCODED_LIMIT}")
    total = height * width * 4
    if len(rle) < _HEADER_BYTES or int.from_bytes(rle[:4], "big") != total:
        raise BadPrompt(f"the brush RLE is not that of an image of {width} x {height} pixels")
    if int.from_bytes(rle[4:7], "big") >> 19 != 7:
        raise BadPrompt("the brush RLE does not hold 8-bit words")
    return total


def _runs(flat: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Run lengths in RGBA bytes, none over 65536, and whether each run is on."""
    ends = np.append(np.concatenate([*_changes(flat)]), flat.size)
    lengths = np.diff(ends, prepend=0) * 4
    on = np.arange(lengths.size) % 2 == 1 - int(flat[0])
    pieces = (lengths + _LONGEST - 1) // _LONGEST
    split = np.full(int(pieces.sum()), _LONGEST, np.int64)
    last = np.cumsum(pieces) - 1
    split[last] = lengths - (pieces - 1) * _LONGEST
    # What is left of a split run keeps the 16-bit size however short it is: negative marks it.
    split[last[pieces > 1]] *= -1
    return split, np.repeat(on, pieces)


def _changes(flat: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Where pixels differ from the one before; compared in parts, since all at once take a copy of all."""
    for start in range(0, flat.size, _COMPARED):
        part = flat[start : start + _COMPARED + 1]
        yield np.flatnonzero(part[1:] != part[:-1]) + start + 1


def _items(lengths: NDArray[np.int64], on: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each run's bits, right-aligned, and how many they are."""
    sizes = np.array(_RUN_SIZES)
    choice = np.searchsorted(2**sizes, lengths)
    choice[lengths < 0] = len(sizes) - 1
    size = sizes[choice]
    code = ((4 | choice) << size | np.abs(lengths) - 1) << 8 | np.where(on, 255, 0)
    return code.astype(np.uint64), size + 11


def _pack(codes: NDArray[np.uint64], bits: NDArray[np.int64], total: int) -> NDArray[np.uint8]:
    """Header and items as bytes, with a whole byte of padding where the bits end on a byte, as in the SDK."""
    codes = np.concatenate([np.array([total << 21 | _HEADER_TAIL], np.uint64), codes])
    bits = np.append(_HEADER_BITS, bits)
    ends = np.cumsum(bits)
    first, shift = np.divmod(ends - bits, 8)
    packed = np.zeros(int(ends[-1]) // 8 + 9, np.uint8)
    # An item is within the 64 bits that begin at its first byte. Bits of different items never meet, so the
    # bytes they share may be added up.
    window = codes << (64 - bits - shift).astype(np.uint64)
    for byte in range(8):
        part = (window >> np.uint64(56 - 8 * byte)).astype(np.uint8)
        np.add.at(packed, first + byte, part)
    return packed[: int(ends[-1]) // 8 + 1]


def _spans(rle: bytes, total: int) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """(start, stop, words) of each item, in RGBA bytes; one word for a run."""
    head = int.from_bytes(rle[4:7], "big")
    sizes = [(head >> shift & 15) + 1 for shift in (15, 11, 7, 3)]
    available = len(rle) * 8
    position, at = _HEADER_BITS, 0
    while at < total:
        # Every item that fits needs at most 3 + 16 + 7 bits before its words: one read of 4 bytes.
        skip = position & 7
        window = int.from_bytes(rle[position >> 3 : (position >> 3) + 4].ljust(4, b"\0"), "big") << skip
        size = sizes[window >> 29 & 3]
        count = (window >> 29 - size & (1 << size) - 1) + 1
        words = 1 if window & 1 << 31 else count
        position += 3 + size
        end = position + 8 * words
        if end > available or at + count > total:
            raise BadPrompt("the brush RLE is damaged: its runs do not fill the image")
        last = (end + 7) >> 3
        value = int.from_bytes(rle[position >> 3 : last], "big") >> 8 * last - end
        value &= (1 << 8 * words) - 1
        yield at, at + count, np.frombuffer(value.to_bytes(words, "big"), np.uint8)
        position, at = end, at + count
