from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.classical.clicking import MOST, Session
from benchmarks.dataset.__main__ import arguments, measure
from benchmarks.dataset.bootstrap import interval
from benchmarks.dataset.coco import CocoFile
from benchmarks.dataset.contenders import Contender, on_disk, read_contenders
from benchmarks.dataset.folders import MaskFolder
from benchmarks.dataset.measure import Measured, Row
from benchmarks.dataset.project import OUTLINES, ProjectSource, drawn_by_lot
from benchmarks.dataset.tables import against_sheet, models_sheet, ordered
from benchmarks.dataset.things import NoThings, Picture, Share, Source, Told, chosen, shuffled
from exports.run_lengths import RunLengths
from label_studio.projects import project_of
from label_studio.tasks import TaskListing
from segmenters.models import PUBLISHED
from segmenters.options import ModelOptions
from segmenters.segmenter import Segmenter
from serve_app.cli.export.image_files import ImageFiles, image_options_at
from testing.annotated import HEIGHT as DRAWN_HEIGHT
from testing.annotated import LABEL_CONFIG, annotation, brush, polygon, rectangle
from testing.annotated import WIDTH as DRAWN_WIDTH
from tests.benchmarks.test_classical import HEIGHT, WIDTH, Stamp, bar, disc
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from values.errors import ModelError

Json = Any
ALL = Share(1000, 1000)


class Album:
    """A folder of images, and one of masks."""

    def __init__(self, folder: Path) -> None:
        self.images, self.masks = folder / "images", folder / "masks"
        self.images.mkdir()
        self.masks.mkdir()

    def add(self, name: str, values: NDArray[Any] | None, width: int = WIDTH, height: int = HEIGHT) -> None:
        cv2.imwrite(str(self.images / f"{name}.jpg"), np.zeros((height, width, 3), np.uint8))
        if values is not None:
            cv2.imwrite(str(self.masks / f"{name}.png"), values)

    def chosen(self, share: Share = ALL) -> tuple[list[Picture], list[str]]:
        return picked(MaskFolder(self.images, self.masks), share)

    def coco(self, *annotations: Json, **image: Json) -> tuple[list[Picture], list[str]]:
        file = self.masks / "instances.json"
        images = [{"id": 7, "file_name": "cat.jpg", "width": WIDTH, "height": HEIGHT} | image]
        numbered = [{"id": number, "image_id": 7, **each} for number, each in enumerate(annotations, 1)]
        file.write_text(json.dumps({"images": images, "annotations": numbered}))
        return picked(CocoFile(self.images, file), ALL)


def picked(source: Source, share: Share = ALL) -> tuple[list[Picture], list[str]]:
    told = Told()
    return chosen(source, share, told), told.lines()


@pytest.fixture
def fake() -> FakeLabelStudio:
    return FakeLabelStudio()


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path)


def values(*masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A mask file with a value for each, from 1."""
    found = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, mask in enumerate(masks, 1):
        found[mask] = number
    return found


def test_each_value_of_a_mask_is_a_thing(album: Album) -> None:
    first, second = disc(30, 40, 12), bar(70, 10, 100, 60)
    album.add("cat", values(first, second))
    [picture], left_out = album.chosen()
    assert (picture.name, left_out) == ("cat", [])
    assert [thing.name for thing in picture.things] == ["value 1", "value 2"]
    assert (picture.things[0].truth.mask() == first).all()
    assert (picture.things[1].truth.mask() == second).all()


def test_colours_and_sixteen_bits_are_values_too(album: Album) -> None:
    colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours[disc(30, 40, 12)], colours[disc(90, 40, 12)] = (0, 0, 255), (0, 255, 255)
    album.add("cat", colours)
    clear = np.dstack([np.full((HEIGHT, WIDTH, 3), 9, np.uint8), values(disc(30, 40, 12)) * 255])
    album.add("clear", clear)
    deep = values(disc(30, 40, 12)).astype(np.uint16) * 300
    deep[disc(90, 40, 12)] = 556  # 300 and 556 are one in eight bits
    album.add("deep", deep)
    pictures, left_out = album.chosen()
    assert {picture.name: len(picture.things) for picture in pictures} == {"cat": 2, "clear": 1, "deep": 2}
    assert not left_out


def test_what_cannot_be_measured_is_told_and_the_rest_goes_on(album: Album) -> None:
    album.add("good", values(disc(30, 40, 12)))
    album.add("alone", None)
    album.add("differs", values(disc(30, 40, 12)), width=HEIGHT, height=WIDTH)
    album.add("empty", values())
    album.add("tiny", values(bar(4, 4, 8, 8)))
    album.add("damaged", values(disc(30, 40, 12)))
    (album.masks / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    album.add("no image", values(disc(30, 40, 12)))
    (album.images / "no image.jpg").write_bytes(b"<html>")
    album.add("noise", np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH))
    pictures, left_out = album.chosen()
    told = "\n".join(left_out)
    assert [picture.name for picture in pictures] == ["good"]
    assert len(left_out) == 7
    assert "1 images and masks have no partner, such as alone" in told
    assert "differs: the mask of value 1 has 120 x 80 pixels and the image 80 x 120" in told
    assert "empty.png: the mask is empty" in told
    assert "tiny: value 1 has 16 pixels, too few to click on" in told
    assert "damaged.png: it is no PNG that can be read" in told
    assert "no image: what came is" in told
    assert "noise.png: it has 9599 values" in told


def test_folders_without_a_pair(album: Album, tmp_path: Path) -> None:
    album.add("cat", None)
    with pytest.raises(NoThings, match=r"none of the 1 images in .* has a mask of its name"):
        album.chosen()
    with pytest.raises(NoThings, match="put the masks into another folder"):
        picked(MaskFolder(album.images, album.images))
    with pytest.raises(NoThings, match="is no folder"):
        picked(MaskFolder(tmp_path / "none", album.masks))
    (album.images / "cat.png").touch()
    with pytest.raises(NoThings, match="have one name"):
        album.chosen()


def test_where_nothing_is_left_it_says_why(album: Album) -> None:
    album.add("empty", values())
    with pytest.raises(NoThings, match=r"nothing to click on: .*empty\.png: the mask is empty"):
        album.chosen()


def test_coco_in_all_its_spellings(album: Album) -> None:
    album.add("cat", None)
    truth = disc(30, 40, 12)
    runs = RunLengths.of(truth)
    size = [HEIGHT, WIDTH]
    pictures, left_out = album.coco(
        {"segmentation": {"size": size, "counts": runs.text()}},
        {"segmentation": {"size": size, "counts": runs.counts.tolist()}},
        {"segmentation": [[70, 10, 100, 10, 100, 60, 70, 60], [4, 4, 14, 4, 14, 14, 4, 14]]},
        {"segmentation": {"size": size, "counts": runs.text()}, "iscrowd": 1},
        {"segmentation": [], "bbox": [1, 2, 3, 4]},
        {"segmentation": [[1, 2, 3]]},
        {"segmentation": {"size": size, "counts": "5"}},
        {"segmentation": {"size": [WIDTH, HEIGHT], "counts": [0, WIDTH * HEIGHT]}},
    )
    first, second, third = (thing.truth.mask() for thing in pictures[0].things)
    assert (first == truth).all()
    assert (second == truth).all()
    assert (third == (bar(70, 10, 100, 60) | bar(4, 4, 14, 14))).all()
    assert [line.partition(": ")[2] for line in left_out] == [
        "annotation 5: it is a box without a mask",
        "annotation 6: its polygon has no three points",
        f"annotation 7: its run lengths are not those of {WIDTH} x {HEIGHT} pixels",
        f"the mask of annotation 8 has {HEIGHT} x {WIDTH} pixels and the image {WIDTH} x {HEIGHT}, as a "
        "browser shows it; save both in one size",
    ]


def test_coco_files_that_help_nobody(album: Album) -> None:
    box = {"segmentation": [[1, 1, 40, 1, 40, 40]]}
    with pytest.raises(NoThings, match=r"none of the 1 annotated images of .* is in"):
        album.coco(box)
    with pytest.raises(NoThings, match="none of the 1 annotated images"):
        album.coco(box, file_name="../masks/instances.json")
    (file := album.masks / "other.json").write_text("[]")
    with pytest.raises(NoThings, match="is no file of COCO's instances"):
        picked(CocoFile(album.images, file))


def test_things_are_taken_evenly_until_there_are_enough(album: Album) -> None:
    for name in "abcdef":
        album.add(name, values(*(bar(left, 10, left + 8, 60) for left in range(0, 100, 10))))
    pictures, _ = album.chosen(Share(7, 3))
    assert [len(picture.things) for picture in pictures] == [3, 3, 1]
    assert [thing.name for thing in pictures[0].things] == ["value 1", "value 5", "value 10"]
    assert [picture.name for picture in pictures] == shuffled("abcdef")[:3]
    assert shuffled("fedcba") == shuffled("abcdef") != [*"abcdef"]


def jpeg(width: int, height: int) -> bytes:
    return bytes(cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1])


def test_a_projects_regions_are_things(fake: FakeLabelStudio, tmp_path: Path) -> None:
    fake.add_project("Animals", LABEL_CONFIG)
    accepted = annotation(
        brush().region, polygon().region | {"id": "p"}, rectangle().region, ground_truth=True
    )
    for number, drawn in enumerate(([accepted], [annotation(brush().region)], [annotation()]), 1):
        image = f"/data/upload/1/{number}.jpg"
        fake.files[image] = jpeg(DRAWN_WIDTH, DRAWN_HEIGHT)
        fake.tasks.append({"id": number, "data": {"image": image}, "annotations": drawn})
    del fake.files["/data/upload/1/2.jpg"]
    with fake.serve() as url, fake.studio() as studio:
        project = project_of(studio, 1)
        with ImageFiles(image_options_at(url, LEGACY), project) as files:
            source = ProjectSource(studio, project, files, tmp_path, 10)
            [picture], left_out = picked(source)
            only = ProjectSource(studio, project, files, tmp_path, 10, kinds=("polygon",), only_accepted=True)
            [polygons], _ = picked(only)
    assert picture.name == "task 1"
    assert [thing.name for thing in picture.things] == ["region brush-1 (Cat)", "region p (Bird)"]
    assert (picture.things[0].truth.mask() == brush().truth).all()
    assert [thing.name for thing in polygons.things] == ["region p (Bird)"]
    told = "\n".join(left_out)
    assert f"task 1: 1 regions that are none of {', '.join(OUTLINES)} (--kinds)" in told
    assert "task 2" in told


def test_tasks_are_drawn_by_lot(fake: FakeLabelStudio) -> None:
    fake.add_project("Animals", LABEL_CONFIG)
    drawn = [annotation(brush().region)]
    fake.tasks = [{"id": number, "data": {}, "annotations": drawn} for number in range(1, 301)]
    with fake.studio() as studio:
        few = [task.id for task in drawn_by_lot(TaskListing(studio, 1), 30)]
        again = [task.id for task in drawn_by_lot(TaskListing(studio, 1), 30)]
        every = [task.id for task in drawn_by_lot(TaskListing(studio, 1), 1000)]
    assert few == again
    assert len(set(few)) == 30
    assert max(few) > 150
    assert sorted(every) == list(range(1, 301)) != every


def test_intervals_draw_pictures_and_not_things() -> None:
    alike = interval([0.2] * 50 + [0.8] * 50, [0] * 50 + [1] * 50)
    assert alike == pytest.approx((0.5, 0.2, 0.8))  # two pictures say no more than two things
    one = interval([0.2, 0.4], [3, 3])
    assert one.mean == pytest.approx(0.3)
    assert one[1:] == (None, None)
    assert not one.is_apart
    many = interval([0.2, 0.8] * 50, range(100))
    assert many.low is not None
    assert many.high is not None
    # The standard error of 100 such things is .03.
    assert many.low == pytest.approx(0.5 - 1.96 * 0.03, abs=0.01)
    assert many.high == pytest.approx(0.5 + 1.96 * 0.03, abs=0.01)
    assert many.is_apart
    assert not interval([-0.2, 0.3] * 50, range(100)).is_apart


def test_intervals_weigh_pictures_by_their_things() -> None:
    assert interval([1, 0, 0, 0], [0, 1, 1, 1]).mean == 0.25


def measured(name: str, *ious: Sequence[float]) -> Measured:
    sessions = [Session([*each], 0.9, [], [10.0, 30.0], 200.0) for each in ious]
    return Measured(name, f"{name}-1", [Row(number, "", each) for number, each in enumerate(sessions)])


def test_the_model_with_the_fewest_clicks_comes_first() -> None:
    slow = measured("slow", [0.5, 0.6], [0.5, 0.86, 0.95])
    fast = measured("fast", [0.95], [0.7, 0.92])
    assert [each.name for each in ordered([slow, fast])] == ["fast", "slow"]
    sheet = models_sheet([slow, fast])
    assert sheet.headings[-6:] == ("clicks to 0.85", "clicks to 0.90", "click ms", "p95", "image ms", "p95")
    assert sheet.lines[0][:3] == ("fast", "2", "0.825 (.70-.95)")
    assert sheet.lines[0][-6:] == ("1.5 (1.0-2.0)", "1.5 (1.0-2.0)", "20", "30", "200", "200")
    assert sheet.lines[1][-5] == f"{(MOST + 3) / 2:.1f} (3.0-{MOST}.0)"
    against = against_sheet([slow, fast])
    assert against.title == "Against fast"
    assert against.lines[0][:2] == ("slow", "-0.325*")
    assert against.lines[0][-1] == f"+{(MOST + 3) / 2 - 1.5:.1f}*"


@dataclass(frozen=True)
class Stamps(Contender):
    """A model without weights, or one that cannot be loaded."""

    works: bool = True

    def segmenter(self, options: ModelOptions) -> Segmenter:
        if not self.works:
            raise ModelError("its weights are not here")
        return Stamp()


def test_a_run_from_beginning_to_end(album: Album, tmp_path: Path) -> None:
    album.add("cat", values(disc(30, 40, 12), disc(80, 40, 12)))
    album.add("dog", values(bar(20, 20, 60, 60)))
    asked = arguments(["--images", str(album.images), "--masks", str(album.masks)])
    asked.models = [Stamps("stamp"), Stamps("broken", works=False)]
    console = Console(file=io.StringIO(), width=200)
    found = measure(asked, tmp_path, console)
    [model] = found["models"]
    assert (model["model"], model["things"], sorted(found["pictures"])) == ("stamp", 3, ["cat", "dog"])
    assert model["figures"]["box"]["mean"] > 0.7
    assert {row["thing"]: row["1 click"] for row in model["rows"] if row["thing"] == "value 2"} == {
        "value 2": 1
    }
    assert found["failed"] == {"broken": "its weights are not here"}
    assert "not measured: broken: its weights are not here" in console.file.getvalue()  # type: ignore[attr-defined]
    json.dumps(found)
    asked.models = [Stamps("broken", works=False)]
    with pytest.raises(ValueError, match="no model could be measured"):
        measure(asked, tmp_path, console)


def test_which_models_are_compared(tmp_path: Path) -> None:
    assert read_contenders("classical, mobile_sam=/w/ours.pt,classical") == [
        Contender("classical"),
        Contender("mobile_sam", "/w/ours.pt"),
    ]
    assert str(Contender("mobile_sam", "/w/ours.pt")) == "mobile_sam=ours.pt"
    for name in ("mobilesam", "auto", ""):
        with pytest.raises(ValueError, match="no model is called"):
            read_contenders(name)
    options = ModelOptions(model_dir=tmp_path)
    assert on_disk(options) == [Contender("classical")]
    published = PUBLISHED["mobile_sam"]
    with (tmp_path / published.filename).open("wb") as file:
        file.truncate(published.size)
    assert on_disk(options) == [Contender("classical"), Contender("mobile_sam")]
    with pytest.raises(ModelError):
        Contender("mobile_sam", str(tmp_path / "none.pt")).segmenter(options)


@pytest.mark.parametrize(
    "given", [[], ["--images", "x"], ["--masks", "x"], ["--images", "x", "--masks", "y", "--project", "3"]]
)
def test_a_command_line_that_names_no_data(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(given)
    assert "give --images and --masks, or --project" in capsys.readouterr().err
