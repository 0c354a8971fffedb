"""Accuracy and CPU time of the classical segmenter: ``python -m benchmarks.classical``.

``testing.pointing`` says what is clicked and how masks are judged.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import numpy as np

from segmenters.classical.segmenter import Classical
from testing.photographs import photographs
from testing.pointing import KINDS, Example, Result, measure, scenes


def report(title: str, examples: Iterable[Example], each: bool) -> None:
    """Measure and print one table."""
    results = [measure(Classical(), example) for example in examples]
    print(f"\n{title}: {len(results)} objects")
    print(f"{'':<32}" + "".join(f"{kind:>16}" for kind in KINDS))
    if each:
        for result in results:
            print(f"{result.name:<32}" + "".join(f"{value:16.2f}" for value in result.ious))
    for name, mean in (("mean", statistics.fmean), ("median", statistics.median)):
        print(f"{name + ' IoU':<32}" + "".join(f"{mean(column):16.3f}" for column in _columns(results)))
    ious = np.array([result.ious for result in results]).ravel()
    scores = np.array([result.scores for result in results]).ravel()
    print(f"score: mean {scores.mean():.2f}, correlation with IoU {np.corrcoef(ious, scores)[0, 1]:.2f}")
    encode = statistics.fmean(result.encode for result in results)
    decode = statistics.fmean(result.decode for result in results)
    print(f"CPU per call on one core: encode {encode * 1e3:.1f} ms, decode {decode * 1e3:.0f} ms")


def _columns(results: list[Result]) -> list[tuple[float, ...]]:
    return list(zip(*(result.ious for result in results), strict=True))


if __name__ == "__main__":
    report("generated scenes", scenes(16), each=False)
    report("photographs", photographs(), each=True)
