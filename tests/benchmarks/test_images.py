from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from benchmarks.images import accuracy as image_accuracy
from benchmarks.images import plain_pillow, tables
from benchmarks.images import speed as image_speed
from benchmarks.images.__main__ import INPUTS, KINDS, Plan, arguments, picture_units, plan_of, run, turn_units
from benchmarks.images.accuracy import Accuracy, Difference, Overlap, noisy, prompts
from benchmarks.images.large_pictures import SIZES, Picture, encoded, enlarged, large_photographs, large_scene
from benchmarks.images.speed import GOAL, GOAL_MEGAPIXELS, READS, ImageFile, Speed, served, summary, ways
from benchmarks.turns import Cost
from imaging.decoding import decode
from imaging.options import ImageOptions
from segmenters.classical.segmenter import Classical
from segmenters.sam.segmenter import SegmentAnything
from testing.photographs import THINGS
from tests.benchmarks.printing import printed
from values.image import ModelSize

SMALL = ModelSize(64)
SQUASHED = ModelSize(64, keep_aspect=False, fractions=True)
WALLS = {"plain": 44.0, "same": 66.0, "decode": 11.0, "load": 8.0, "fetch": 4.0, "http": 20.0, "file": 16.0}
CPUS = {"plain": 40.0, "same": 60.0, "decode": 10.0, "load": 7.0, "fetch": 3.0, "http": 5.0, "file": 2.0}
SAME = Overlap.of([1.0])


@pytest.fixture(scope="module")
def picture() -> Picture:
    """A disc, a thousand pixels wide: large enough for the classical segmenter's size to be a reduction."""
    y, x = np.mgrid[:768, :1024]
    disc = (x - 600) ** 2 + (y - 300) ** 2 < 150**2
    rgb = np.where(disc[..., None], (200, 60, 40), (40, 90, 160)).astype(np.uint8)
    return enlarged(rgb, [disc], 2600, 1950)


def line(plain: float = 40.0, kind: str = "JPEG", megapixels: int = 12, index: int = 0) -> Speed:
    """``plain``: CPU milliseconds."""
    costs = {name: Cost(cpu / 1000, WALLS[name] / 1000) for name, cpu in (CPUS | {"plain": plain}).items()}
    return summary(ImageFile(kind, megapixels, b"x" * 1_500_000), INPUTS[index], costs)


def accuracy(mean: float, goal: float | None) -> Accuracy:
    masks = Overlap(mean, 0.95, 0.5, 0.9)
    return Accuracy(12, "scenes", "classical", 3, Difference(0.2, 8.0), masks, SAME, 0.8, 0.81, goal)


def test_plain_pillow_is_what_decoding_gives_where_nothing_is_left_out() -> None:
    rgb = large_scene(0, 2).rgb[:200, :300]
    for data in (encoded(rgb, "PNG"), encoded(rgb, "JPEG")):
        for size in (ModelSize(250), ModelSize(250, keep_aspect=False, fractions=True)):
            np.testing.assert_array_equal(
                plain_pillow.exact(data, size), decode(data, size, ImageOptions()).rgb
            )


def test_plain_pillow_turns_an_image_as_its_exif_says() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (120, 80)).save(file, "JPEG", exif=exif)
    assert plain_pillow.exact(file.getvalue(), SMALL).shape == (64, 43, 3)


def test_only_fractions_are_not_rounded() -> None:
    data = encoded(large_scene(0, 2).rgb[:200, :300], "PNG")
    whole, parts = plain_pillow.exact(data, SMALL), plain_pillow.exact(data, SQUASHED)
    assert whole.dtype == np.uint8
    assert parts.dtype == np.float32
    assert (parts % 1 > 0).mean() > 0.5
    assert plain_pillow.whole_levels(data, SQUASHED).dtype == np.uint8


def test_large_pictures_have_their_size_grain_and_truth(picture: Picture) -> None:
    assert picture.rgb.shape == (1950, 2600, 3)
    [mask] = picture.masks
    assert mask.shape == (1950, 2600)
    assert mask.sum() == pytest.approx(np.pi * (150 * 2600 / 1024) ** 2, rel=0.002)
    assert picture.rgb[:100, :100, 0].std() > 3
    assert picture.rgb[mask][:, 0].mean() > picture.rgb[~mask][:, 0].mean() + 100


def test_scenes_and_photographs_at_two_megapixels() -> None:
    width, height = SIZES[2]
    scene = large_scene(1, 2)
    assert scene.rgb.shape == (height, width, 3)
    photographs = list(large_photographs(2))
    assert len(photographs) == len({thing.file for thing in THINGS})
    assert sum(len(photograph.masks) for photograph in photographs) == len(THINGS)
    for rgb, masks in [scene, *photographs]:
        assert rgb.shape[0] * rgb.shape[1] == pytest.approx(2e6, rel=0.01)
        assert all(mask.shape == rgb.shape[:2] and mask.any() for mask in masks)


def test_every_way_reads_the_same_file(tmp_path: Path) -> None:
    data = encoded(large_scene(0, 2).rgb[:300, :400], "JPEG")
    (tmp_path / "image.jpeg").write_bytes(data)
    with served(str(tmp_path)) as host, ways(SMALL, host, tmp_path, "image.jpeg") as calls:
        assert tuple(calls) == READS
        for call in calls.values():
            call(ImageFile("JPEG", 2, data))


def test_a_file_is_timed_in_turns_by_every_way() -> None:
    ended: list[None] = []
    data = encoded(large_scene(0, 2).rgb[:300, :400], "PNG")
    row = image_speed.measure(ImageFile("PNG", 2, data), SQUASHED, 2, lambda: ended.append(None))
    assert len(ended) == 3 * len(READS)
    assert tuple(row.costs) == READS
    assert min(cost.wall for cost in row.costs.values()) > 0
    assert min(row.costs[name].cpu for name in ("plain", "same", "decode")) > 0
    assert (row.kind, row.megapixels, row.size, row.goal) == ("PNG", 2, "SAM 2", None)
    assert sum(row.shares.values()) == pytest.approx(1)


def test_ratios_and_shares() -> None:
    row = line()
    assert (row.ratio, row.same_ratio, row.megabytes) == (4.0, 6.0, 1.5)
    assert row.read_ratio == pytest.approx(48 / 20)
    assert row.shares == pytest.approx({"fetch": 0.2, "decode": 0.4, "resize": 0.15, "rest": 0.25})


@pytest.mark.parametrize(
    ("kind", "megapixels", "index", "goal"),
    [
        ("JPEG", GOAL_MEGAPIXELS, 0, GOAL),
        ("JPEG", GOAL_MEGAPIXELS, 1, None),
        ("PNG", GOAL_MEGAPIXELS, 0, None),
        ("JPEG", 24, 0, None),
    ],
)
def test_the_goal_is_one_of_large_jpegs_at_the_default_size(
    kind: str, megapixels: int, index: int, goal: float | None
) -> None:
    assert line(40.0, kind, megapixels, index).goal == goal


@pytest.mark.parametrize(("plain", "reached"), [(20.0, True), (19.9, False)])
def test_the_goal_of_speed_is_reached_by_decoding_alone(plain: float, reached: bool) -> None:
    assert line(plain).reached is reached
    assert line(plain, "PNG").reached is None


@pytest.mark.slow
def test_a_jpeg_decoded_at_a_fraction_differs_a_little_and_finds_the_same_disc(picture: Picture) -> None:
    ended: list[None] = []
    row = image_accuracy.measure(Classical(), 1, [picture], (12, "discs", 0.9), lambda: ended.append(None))
    assert len(ended) == 1
    assert (row.prompts, row.pictures, row.model) == (3, "discs", "classical")
    assert 0 < row.pixels.mean < 1
    # Not 1, else the image was decoded in full. The mean has a click on the ground, which may mean much.
    assert 0.98 < row.masks.median < 1
    assert row.reached
    assert min(row.truth, row.truth_exact, row.noise.median) > 0.95


def test_pixels_are_compared_without_wrapping_around() -> None:
    dark, light = np.zeros((1, 2, 3), np.uint8), np.full((1, 2, 3), 200, np.uint8)
    light[0, 0] = 0
    assert Difference.of(dark, light) == Difference.of(light, dark) == Difference(100.0, 200.0)


def test_overlaps() -> None:
    found = Overlap.of([0.5, 0.99, 1.0, 1.0])
    assert (found.mean, found.median, found.least, found.alike) == pytest.approx((0.8725, 0.995, 0.5, 0.75))
    with pytest.raises(ValueError, match="no masks"):
        Overlap.of([])


def test_prompts_are_a_click_a_box_and_both_on_the_thing() -> None:
    truth = np.zeros((40, 60), np.bool_)
    truth[10:21, 20:31] = True
    click, box, both = prompts(truth)
    assert click.points.tolist() == both.points.tolist() == [[25 / 60, 15 / 40]]
    assert click.labels.tolist() == both.labels.tolist() == [1]
    assert click.box is None
    assert box.points.size == 0
    for prompt in (box, both):
        assert prompt.box is not None
        assert prompt.box.tolist() == [20 / 60, 10 / 40, 31 / 60, 21 / 40]


def test_noise_is_one_level_at_most_and_always_the_same() -> None:
    rgb = np.array([[[0, 128, 255]] * 50], np.uint8)
    for found in (noisy(rgb), noisy(rgb.astype(np.float32))):
        apart = found.astype(int) - rgb
        assert np.unique(apart[..., 1]).tolist() == [-1, 0, 1]
        assert np.abs(apart).max() == 1
        np.testing.assert_array_equal(found, noisy(rgb))
    assert noisy(rgb).dtype == np.uint8
    assert noisy(rgb.astype(np.float32)).dtype == np.float32


def test_the_tables_have_a_cell_for_every_heading() -> None:
    speed, accurate = tables.speed_line(line()), tables.accuracy_line(accuracy(0.99, None))
    for table, cells in (
        (tables.speed_table([line()]), speed),
        (tables.accuracy_table([accuracy(0.99, None)]), accurate),
    ):
        assert all(column.header for column in table.columns)  # more cells than headings add columns
        assert len(table.columns) == len(cells)
    assert speed[:10] == ("12 MP JPEG", "1.5", "SAM", "40", "10", "4.00", "6.00", "20", "2.40", "16")
    assert speed[10:14] == ("20", "40", "15", "25")
    assert accurate[:8] == (
        "12 MP scenes", "3", "0.20", "8.0", "0.9900", "0.9500", "0.5000", "90",
    )  # fmt: skip
    assert accurate[8:] == ("1.0000", "1.0000", "1.0000", "0.800", "0.810", "")


def test_the_tables_fit_where_nobody_looks_at_a_terminal() -> None:
    row = replace(accuracy(0.99, 0.99), pictures="photographs", model="sam2.1_hiera_tiny")
    for table in (tables.speed_table([line()]), tables.accuracy_table([row])):
        console = Console(width=160, force_terminal=False)
        assert console.measure(table).maximum <= 160
        with console.capture() as capture:
            console.print(table)
        assert "…" not in capture.get()


def test_the_tables_judge_what_has_a_goal() -> None:
    assert "reached" in printed(tables.speed_table([line()]))
    assert "missed" in printed(tables.speed_table([line(1.0)]))
    for mean, goal, said in ((0.99, 0.99, "reached"), (0.98, 0.99, "missed")):
        assert said in printed(tables.accuracy_table([accuracy(mean, goal)]))
    assert accuracy(0.5, None).reached is None


def test_the_plan_knows_its_work() -> None:
    plan = Plan([Classical()], [2, 12], 3, KINDS, 4, photographs=True)
    assert (plan.kinds_of(2), plan.kinds_of(12)) == (("JPEG", "PNG", "WEBP"), ("JPEG",))
    assert plan.pictures() == 4 + len({thing.file for thing in THINGS})
    turns = 2 * 4 * len(READS) * (3 * turn_units(2) + turn_units(12))
    assert plan.units() == turns + plan.pictures() * (picture_units(2) + picture_units(12))


def test_the_command_line(tmp_path: Path) -> None:
    default = arguments([])
    assert default.megapixels == sorted(SIZES)
    plan = plan_of(arguments(["--models", "classical, mobile_sam", "--megapixels", "24", "2"]), tmp_path)
    assert plan.megapixels == [2, 24]
    assert [model.name for model in plan.models] == ["classical", "mobile_sam"]
    assert isinstance(plan.models[1], SegmentAnything)
    with pytest.raises(ValueError, match="no model"):
        plan_of(arguments(["--models", "sam_vit_z"]), tmp_path)


@pytest.mark.parametrize("given", [["--megapixels", "3"], ["--repeats", "0"], ["--scenes", "0"]])
def test_a_command_line_that_cannot_be_read_ends_in_a_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(given)
    assert given[0] in capsys.readouterr().err


@pytest.mark.slow
def test_a_quick_run_prints_both_tables_and_gives_figures_that_are_json(tmp_path: Path) -> None:
    console = Console(width=220, force_terminal=False)
    with console.capture() as capture:
        found = json.loads(json.dumps(run(plan_of(arguments(["--quick"]), tmp_path), console)))
    said = capture.get()
    assert found["machine"] in said
    assert "2 MP JPEG" in said
    assert "2 MP scenes" in said
    assert "classical" in said
    assert [row["size"] for row in found["speed"]] == ["SAM", "SAM 2"]
    assert {"ratio", "shares", "read_ratio", "reached"} <= set(found["speed"][0])
    [row] = found["accuracy"]
    assert row["pixels"] == {"mean": 0.0, "largest": 0.0}  # two megapixels are decoded in full
    assert row["masks"]["least"] == 1.0
