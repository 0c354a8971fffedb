"""Brush RLE: our encoder against label_studio_sdk's ``mask2rle``, both in this run, and their equality.

    python -m benchmarks.brush_rle

The mask is a blob with a ragged outline, as a segmenter gives it, and a checkered patch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from protocol.brush_rle import decode, encode
from testing.brush_converter import mask2rle

SIZES = ((1224, 816), (1732, 1154), (4243, 2828), (6000, 4000))
ROUNDS = 5


def blob(width: int, height: int) -> NDArray[np.bool_]:
    """An ellipse over half the image whose radius wobbles."""
    y, x = np.ogrid[:height, :width]
    u, v = (x / width - 0.5) * 2.5, (y / height - 0.5) * 2.5
    mask: NDArray[np.bool_] = u * u + v * v + 0.1 * np.sin(x / 30) + 0.05 * np.cos(y / 7) < 1
    side = height // 20
    mask[:side, :side] = np.indices((side, side)).sum(axis=0) % 2 == 0
    return mask


def milliseconds(call: Callable[[], object]) -> float:
    """The fastest of the rounds, because other work on the machine only adds time."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


def main() -> None:
    """Print one line for each size."""
    print(
        f"{'megapixels':>10} {'bytes':>8} {'sdk ms':>8} {'ours ms':>8} {'ratio':>6} {'decode ms':>10}  equal"
    )
    for width, height in SIZES:
        mask = blob(width, height)
        grey = mask.astype(np.uint8) * 255
        ours = encode(mask)
        equal = ours.tolist() == mask2rle(grey)
        rle = ours.tobytes()
        sdk_ms = milliseconds(partial(mask2rle, grey))
        our_ms = milliseconds(partial(encode, mask))
        decode_ms = milliseconds(partial(decode, rle, height, width))
        print(
            f"{width * height / 1e6:10.1f} {ours.size:8d} {sdk_ms:8.1f} {our_ms:8.2f} {sdk_ms / our_ms:6.1f}"
            f" {decode_ms:10.1f}  {'yes' if equal else 'NO'}"
        )


if __name__ == "__main__":
    main()
