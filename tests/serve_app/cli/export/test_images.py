"""Pictures whose own files are asked for: those without regions, and all of them with --images."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from testing.annotated import polygon
from tests.serve_app.cli.export.desk import Desk


def jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height)).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def test_a_picture_without_regions_has_no_objects(desk: Desk) -> None:
    desk.add()
    desk.add(polygon().region)
    told = desk.told("--format", "yolo-seg")
    assert (told["exit"], told["pictures"]) == (0, 2)
    assert (desk.out / "labels/train/1.txt").read_bytes() == b""


def test_its_size_is_that_of_its_file_as_browsers_show_it(desk: Desk) -> None:
    desk.studio.files["/data/upload/1/1.jpg"] = jpeg(40, 20, orientation=6)
    desk.add()
    told = desk.told("--format", "coco")
    assert (told["exit"], told["pictures"]) == (0, 1)
    [image] = desk.json("instances.json")["images"]
    assert (image["width"], image["height"]) == (20, 40)


def test_one_that_cannot_be_read_is_left_out(desk: Desk) -> None:
    desk.add()
    desk.studio.files["/data/upload/1/2.jpg"] = b"no picture"
    desk.add()
    desk.add(polygon().region)
    told = desk.told("--format", "png")
    assert (told["exit"], told["pictures"], told["left_out"]) == (1, 1, 2)
    missing, broken = (each["why"] for each in desk.lines("left-out.jsonl"))
    assert missing.startswith("no region tells the size of its picture: cannot read the image of task 1: ")
    assert broken.startswith("no region tells the size of its picture: cannot read the image of task 2: ")


@pytest.mark.parametrize(
    ("name", "split", "places"),
    [
        ("coco", "", ["images/1.jpg", "images/2.jpg"]),
        ("yolo", "", ["images/train/1.jpg", "images/train/2.jpg"]),
        ("labelme", "", ["1.jpg", "2.jpg"]),
        ("png", "all=1", ["images/all/1.jpg", "images/all/2.jpg"]),
    ],
)
def test_pictures_are_copied_to_where_the_format_wants_them(
    desk: Desk, name: str, split: str, places: list[str]
) -> None:
    for number in (1, 2):
        desk.add(polygon().region)
        desk.studio.files[f"/data/upload/1/{number}.jpg"] = jpeg(320, 200 + number)
    result = desk.run("--format", name, "--images", *(["--split", split] if split else []))
    assert result.exit_code == 0, result.stderr
    assert [file for file in desk.files() if file.endswith(".jpg")] == places
    for number, place in enumerate(places, 1):
        assert (desk.out / place).read_bytes() == desk.studio.files[f"/data/upload/1/{number}.jpg"]


def test_a_file_that_cannot_be_had_leaves_its_objects_in(desk: Desk) -> None:
    desk.add(polygon().region)
    told = desk.told("--images")
    assert (told["exit"], told["objects"], told["left_out"]) == (1, 1, 1)
    [left_out] = desk.lines("left-out.jsonl")
    assert left_out["why"].startswith(
        "its objects are in the data set, its file is not: cannot read the image"
    )


def test_a_setting_that_cannot_be_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TIMEOUT_S", "soon")
    result = desk.run()
    assert result.exit_code == 2
    assert "image_timeout_s" in result.stderr.lower()
