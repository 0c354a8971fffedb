from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.agreement import KINDS, Agreement
from benchmarks.encoder.report import STAND_IN
from benchmarks.encoder.tables import STAND_IN_CAPTION
from benchmarks.precision import (
    HEADINGS,
    MODELS,
    SIZE,
    Likeness,
    Row,
    arguments,
    embedded,
    likeness,
    lines,
    main,
    measure,
    run,
    segmenters_of,
    together,
    weights,
)
from benchmarks.turns import Cost
from segmenters.models import PUBLISHED
from segmenters.segmenter import Segmenter
from values.embedding import Embedding
from values.errors import ModelError
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

FINE = 1e-4  # float16 knows nothing between 1 and 1.00098
SMALL = ModelSize(64)


@dataclass
class Halved:
    """A segmenter whose mask is on where its array is above ``level``: to the left 2, to the right 1.0001."""

    level: float = 1 + FINE / 2
    dtype: type[np.generic] = np.float32
    refines: bool = False
    name: str = "halved"
    version: str = "halved-1"
    device: str = "cpu"
    input: ModelSize = SMALL
    encoded: list[Pixels] = field(default_factory=list)
    asked: list[tuple[int, bool]] = field(default_factory=list)

    def load_encoder(self, threads: int) -> Halved:
        return self

    def load_decoder(self, threads: int) -> Halved:
        assert threads == 1
        return self

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        self.encoded += batch
        values = np.full((4, 4), 2, np.float64)
        values[:, 2:] = 1 + FINE
        arrays: dict[str, NDArray[np.generic]] = {"values": values.astype(self.dtype)}
        return [Embedding(arrays, self.version, each.width, each.height, 64, 64) for each in batch]

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """Of its two candidates, the first is rated best only with a right half above the level."""
        self.asked.append((len(prompt.points), prompt.low_res is not None))
        values = np.asarray(embedding.arrays["values"])
        assert values.dtype == self.dtype
        above = np.where(values > self.level, 1, -1).astype(np.float32)
        scores = np.array([0.9 if above.min() > 0 else 0.1, 0.5], np.float32)
        return Masks(np.stack([above, above]), scores, Frame(None, (4, 4)))


def counted(segmenter: Segmenter, scenes: int = 2) -> tuple[Row, int]:
    """The row, and how often the end of a scene was told."""
    ended: list[None] = []
    return measure(segmenter, scenes, lambda: ended.append(None)), len(ended)


def test_a_decoder_that_feels_float16_is_shown_to() -> None:
    row, ended = counted(Halved())
    assert ended == 2
    assert tuple(row.kinds) == KINDS
    for each in row.kinds.values():
        assert each.masks.mean == pytest.approx(0.5, abs=0.01)
        assert each.masks.least == pytest.approx(0.5, abs=0.01)
        assert each.first == 0
    assert (row.mib, row.kept_mib) == (64 / 2**20, 32 / 2**20)
    assert (row.model, row.weights) == ("halved", "-")
    assert min(row.exact.wall, row.decode.wall) > 0


def test_one_that_does_not_feel_it_has_the_same_masks() -> None:
    row, _ = counted(Halved(level=1.5), 1)
    assert set(row.kinds.values()) == {Likeness(Agreement(1.0, 1.0), 1.0)}


def test_arrays_that_are_not_float32_are_kept_as_they_are() -> None:
    row, _ = counted(Halved(dtype=np.float64), 1)
    assert set(row.kinds.values()) == {Likeness(Agreement(1.0, 1.0), 1.0)}
    assert row.mib == row.kept_mib > 0


def test_several_clicks_refine_each_other_as_in_a_replica() -> None:
    plain, refining = Halved(), Halved(refines=True)
    counted(plain, 1)
    counted(refining, 1)
    assert {points for points, _ in plain.asked} == {0, 1, 3}
    assert not any(refined for _, refined in plain.asked)
    assert set(refining.asked) == {(0, False), (1, False), (2, True), (3, True)}
    # Nothing is kept from one precision to the other.
    assert refining.asked.count((2, True)) == refining.asked.count((3, True)) > 1


def test_a_picture_goes_through_a_file_to_the_size_that_the_segmenter_asks_for() -> None:
    segmenter = Halved()
    found = embedded(segmenter, segmenter.input, np.zeros((30, 90, 3), np.uint8))
    assert (found.width, found.height) == (90, 30)
    assert segmenter.encoded[0].rgb.shape == (21, 64, 3)


def test_the_mean_is_that_of_all_candidates_and_the_least_that_of_the_worst() -> None:
    full, half = np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)
    half[:, 2:] = -1

    def masks(logits: NDArray[np.float32], *scores: float) -> Masks:
        return Masks(np.stack([full, logits]), np.array(scores, np.float32), Frame(None, (4, 4)))

    pairs = [(masks(full, 0, 1), masks(half, 0, 1)), (masks(full, 0, 1), masks(full, 1, 0))]
    found = likeness(pairs)
    assert found.masks.mean == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert found.masks.least == pytest.approx(0.5)
    assert found.first == 0.5


def test_scenes_count_alike() -> None:
    found = together([Likeness(Agreement(1.0, 0.5), 0.0), Likeness(Agreement(0.5, 0.25), 1.0)])
    assert found == Likeness(Agreement(0.75, 0.25), 0.5)


def test_the_cells_of_a_row() -> None:
    kinds = {kind: Likeness(Agreement(0.99994, 0.98765), 0.75) for kind in KINDS}
    found = lines(Row("m", STAND_IN, 16.0, 8.0, Cost(0.004, 0.005), Cost(0.06, 0.07), kinds))
    costs = ("5.00 (4.00)", "70.00 (60.00)")
    assert found == [
        ("m", STAND_IN, kind, "16.00", "8.00", *costs, "0.99994", "0.98765", "75 %") for kind in KINDS
    ]
    assert {len(line) for line in found} == {len(HEADINGS)}


def test_a_run_prints_and_gives_figures_that_are_json() -> None:
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        found = json.loads(json.dumps(run([Halved(), Halved(level=1.5, name="firm")], 1, console)))
    said = capture.get()
    for text in (found["machine"], "halved", "firm", "3 clicks", "0.50000", "1.00000"):
        assert text in said
    assert STAND_IN_CAPTION.split(":")[0] not in " ".join(said.split())
    assert [row["model"] for row in found["rows"]] == ["halved", "firm"]
    assert found["rows"][0]["kinds"]["box"]["masks"]["mean"] == pytest.approx(0.5, abs=0.01)


def test_the_command_line(tmp_path: Path) -> None:
    asked = arguments("about", ["--models", "classical", "mobile_sam", "--scenes", "3"])
    found = segmenters_of(asked, tmp_path)
    assert {each.name: weights(each) for each in found} == {"classical": "-", "mobile_sam": STAND_IN}
    assert (asked.scenes, asked.json) == (3, None)
    assert arguments("about", []).models == MODELS


def test_a_published_checkpoint_is_taken_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / PUBLISHED["mobile_sam"].filename).write_bytes(b"")
    asked = arguments("about", ["--models", "mobile_sam", "--checkpoints", str(tmp_path)])
    with pytest.raises(ModelError):  # it is not what its publisher gives
        segmenters_of(asked, tmp_path / "kept")[0].load_decoder(1)


@pytest.mark.parametrize("wrong", [("--scenes", "0"), ("--scenes", "x"), ("--models", "sam_vit_z")])
def test_a_command_line_that_cannot_be_read_ends_in_a_sentence(
    wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments("about", wrong)
    assert f"argument {wrong[0]}" in capsys.readouterr().err


def test_the_figures_become_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "figures.json"
    given = ["precision", "--models", "classical", "--scenes", "3", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", given)
    main("about", lambda segmenters, scenes, _: [*(each.name for each in segmenters), scenes])
    assert json.loads(file.read_text()) == ["classical", 3]


def test_scenes_are_as_large_as_the_prompts_are_meant_for() -> None:
    segmenter = Halved()
    counted(segmenter, 1)
    assert [(each.width, each.height) for each in segmenter.encoded] == [SIZE]
