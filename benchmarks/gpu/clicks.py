"""Clicks through the application with its encoder on a device: `python -m benchmarks.gpu.clicks`.

First clicks on images, one after the other, then next clicks; and the IoU of the first ones' masks with those
of the same model in float32, called bare in this process before.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks import command
from benchmarks.agreement import Agreement, agreement
from benchmarks.click.latency import timed
from benchmarks.click.warm import SIZE
from benchmarks.encoder.network import described
from benchmarks.encoder.speed import without_tf32
from benchmarks.gpu.graph import Graph, graph, masks, picture
from benchmarks.gpu.weights import given
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.segmenter import SegmentAnything
from testing.label_studio_masks import deepest
from testing.pointing import iou
from testing.weights.in_process import InProcess, Mask, region_mask
from values.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Clicks:
    """``ready``: seconds until the application answered. ``runs_in``: what it says each half runs in.

    ``first``: milliseconds of each first click; ``again``: the median of next ones, and of their stages.
    ``encoder_mib``, ``decoder_mib``: of the machine's memory, a replica's process at most.
    """

    runs_in: dict[str, str]
    ready: float
    first: list[float]
    again: float
    stages: dict[str, float]
    masks: Agreement
    encoder_mib: float
    decoder_mib: float


def measured(model: SegmentAnything, device: str, decoder: str, images: int, repeats: int) -> Clicks:
    """Clicks on ``images`` images, and ``repeats`` again on each. Raises RuntimeError for one that fails."""
    began = time.monotonic()
    with graph(model, device, decoder, images) as running:
        ready = time.monotonic() - began
        right = reference(model, device, images)
        first = [timed(running.client, body)[0] for body in running.bodies]
        again = [timed(running.client, body) for body in [*running.bodies] * repeats]
        stages = {
            name: statistics.median(each[name] for _, each in again if name in each) for name in again[0][1]
        }
        return Clicks(
            running.runs_in(),
            ready,
            first,
            statistics.median(total for total, _ in again),
            stages,
            agreement(
                ([likest(candidates, mask)], [mask])
                for candidates, mask in zip(right, answers(running), strict=True)
            ),
            running.memory("Encoder").peak,
            running.memory("Decoder").peak,
        )


def reference(model: SegmentAnything, device: str, images: int) -> list[list[Mask]]:
    """The candidates of the click on each image, of both halves in torch in float32, without TF32."""
    exact = Execution(device, "cpu", Runtime.TORCH, "float32")
    with without_tf32():
        bare = InProcess(replace(model, execution=exact))
        found = [bare.masks(picture(number), [clicked(number)], "all") for number in range(images)]
    return [[mask for mask, _ in each] for each in found]


def clicked(number: int) -> Prompt:
    """The click of ``benchmarks.click.latency.pictures`` on a picture, in fractions of it."""
    at = np.array([deepest(masks(number)[0])]) / SIZE
    return Prompt(at, np.ones(1, np.int32))


def likest(candidates: Sequence[Mask], mask: Mask) -> Mask:
    """The candidate that a mask is most like: where two are rated alike, rounding may choose another one."""
    return max(candidates, key=lambda candidate: iou(candidate, mask))


def answers(running: Graph) -> Iterator[Mask]:
    """The mask of the click on each image. Raises RuntimeError where there is none."""
    for body in running.bodies:
        answer: dict[str, Any] = running.client.post("/predict", json=body).raise_for_status().json()
        regions = answer["results"][0]["result"]
        if len(regions) != 1:
            raise RuntimeError(f"a click got {len(regions)} masks")
        yield region_mask(regions[0])


def main() -> None:
    """Read the arguments, measure."""
    parser = argparse.ArgumentParser(description="Clicks through the application, its encoder on a device.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", default="cuda", help="of the encoder")
    parser.add_argument("--decoder", default="cpu", help="the decoder's device")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5, help="next clicks on each image")
    asked = given(parser)
    command.run(
        lambda folder: asdict(
            measured(
                described(asked.model, folder, asked.checkpoints),
                asked.device,
                asked.decoder,
                asked.images,
                asked.repeats,
            )
        ),
        asked.json,
        asked.keep,
    )


if __name__ == "__main__":
    main()
