"""The parts of a warm click, called bare in a process of their own: decode, resample, region.

``python -m benchmarks.click.bare REQUEST IMAGE`` is that process, with the settings of the application. For
every line on stdin it answers the request once and prints the milliseconds as a line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from imaging.decoding import decode
from imaging.options import ImageOptions
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.mask_prompts import read as draw
from protocol.regions import encode
from segmenters.candidates import ranked
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.resample import to_mask
from segmenters.segmenter import Decoder
from serve_app.settings import Settings
from testing.running_app import ROOT, inherited
from values.click_answer import Region
from values.embedding import Embedding

Stages = dict[str, float]

STAGES = ("decode", "resample", "region")


class BareClicks:
    """The process that answers one request again and again."""

    def __init__(self, env: Mapping[str, str], request: Path, image: Path) -> None:
        """``env``: the application's settings; the process gets no others."""
        # In a session of its own like the application, because Linux divides a busy machine among sessions.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(request), str(image)],
            cwd=ROOT,
            env={**inherited(), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.communicate()

    def click(self) -> tuple[Stages, str]:
        """Milliseconds by stage, and the digest of the regions.

        Raises RuntimeError when the process has ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process of the bare click has no pipes")
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("the process of the bare click has ended") from None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process of the bare click has ended")
        stages, digest = json.loads(line)
        return stages, digest


def digest(regions: list[Region]) -> str:
    """SHA-256 of the masks of brush regions, in order."""
    found = hashlib.sha256()
    for region in regions:
        found.update(np.asarray(region["value"]["rle"], np.uint8).tobytes())
    return found.hexdigest()


def read(request: bytes) -> Click:
    """The click of a request. Raises TypeError for one that holds none."""
    click = read_click(read_predict(request), draw)
    if not isinstance(click, Click):
        raise TypeError("the benchmark's request holds no click")
    return click


def answer(decoder: Decoder, embedding: Embedding, click: Click) -> tuple[Stages, list[Region]]:
    """Milliseconds by stage and the regions, as a decoder replica makes them."""
    started = time.perf_counter()
    masks = decoder.decode(embedding, click.prompts[0])
    decoded = time.perf_counter()
    logits, score = ranked(masks)[0]
    mask = to_mask(logits, masks.frame, click.width, click.height)
    resampled = time.perf_counter()
    regions = encode(mask, score, click)
    ended = time.perf_counter()
    seconds = (decoded - started, resampled - decoded, ended - resampled)
    return {name: each * 1000 for name, each in zip(STAGES, seconds, strict=True)}, regions


def main() -> None:
    """Encode the image once, then answer the request for each line of stdin."""
    request, image = sys.argv[1:]
    segmenter = choose(Settings().part(ModelOptions)).segmenter
    pixels = decode(Path(image).read_bytes(), segmenter.input, ImageOptions())
    [embedding] = segmenter.load_encoder(1).encode([pixels])
    decoder = segmenter.load_decoder(1)
    click = read(Path(request).read_bytes())
    for _ in sys.stdin:
        stages, regions = answer(decoder, embedding, click)
        print(json.dumps((stages, digest(regions))), flush=True)


if __name__ == "__main__":
    main()
