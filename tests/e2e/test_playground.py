"""The playground in a real browser, before the real application: by mouse, by keyboard and by finger."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from testing.label_studio_masks import Mask, iou
from tests.e2e.annotator import SCREENSHOTS
from tests.e2e.samples import (
    BOTTLE,
    HEIGHT,
    PATCHES,
    PEBBLES,
    WIDTH,
    bottle,
    corners,
    middle,
    truth,
)
from tests.e2e.visitor import Visitor, Visits, coco_mask

pytestmark = pytest.mark.e2e


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    """At the playground, with a mouse."""
    visitor = visits()
    visitor.visit("/playground")
    return visitor


def over(mask: Mask) -> list[tuple[float, float]]:
    """A zigzag over most of it, for a thick brush."""
    rows = np.flatnonzero(mask.any(axis=1))[40:-30:50]
    ends = [
        np.flatnonzero(mask[row])[[30, -30]][:: 1 if number % 2 else -1] for number, row in enumerate(rows)
    ]
    return [(x / WIDTH, row / HEIGHT) for row, pair in zip(rows, ends, strict=True) for x in pair]


def test_by_mouse_a_click_a_negative_one_a_box_and_a_brush(visitor: Visitor) -> None:
    visitor.opens_sample(BOTTLE)
    clicked = visitor.gets(lambda: visitor.click(*middle(bottle())))
    assert iou(clicked, bottle()) > 0.9
    stages = visitor.page.locator(".stages tbody tr td:first-child").all_inner_texts()
    assert {"parse", "route", "embedding", "decode", "resample", "region", "serialise"} <= set(stages)
    visitor.page.keyboard.down("Alt")
    visitor.gets(lambda: visitor.click(0.9, 0.9))
    visitor.page.keyboard.up("Alt")
    visitor.screenshot(SCREENSHOTS / "playground.png")
    assert iou(visitor.gets(lambda: visitor.page.locator("#undo").click()), clicked) == 1.0
    visitor.gets(lambda: visitor.click(0.9, 0.9, button="right"))

    visitor.page.locator("#clear").click()
    visitor.choose("box")
    assert iou(visitor.gets(lambda: visitor.drag(*corners(bottle()))), bottle()) > 0.9

    visitor.page.locator("#clear").click()
    visitor.choose("brush")
    visitor.page.select_option("#width", label="thick")
    painted = visitor.gets(lambda: visitor.drag(*over(bottle())))
    assert iou(painted, bottle()) > 0.5
    visitor.screenshot(SCREENSHOTS / "playground-brush.png")


def test_what_is_copied_is_the_mask(visitor: Visitor) -> None:
    visitor.opens_sample(PATCHES)
    mask = visitor.gets(lambda: visitor.click(*middle(truth("textured", "tuned", 5))))
    assert '"counts"' in visitor.clipboard()

    polygon = visitor.copied("polygon")
    assert polygon["size"] == [HEIGHT, WIDTH]
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for ring, value in [
        *((ring, 1) for ring in polygon["segmentation"]),
        *((ring, 0) for ring in polygon["holes"]),
    ]:
        points = np.array(ring, np.float64).reshape(-1, 2) - 0.5  # of pixels' middles, as OpenCV counts
        cv2.fillPoly(drawn, [np.rint(points * 16).astype(np.int32)], value, shift=4)
    assert iou(drawn > 0, mask) > 0.98
    assert sum(map(len, polygon["segmentation"])) < 2000

    visitor.page.locator("#copy-png").click()
    expect(visitor.page.locator("#copied")).to_contain_text("The PNG is on the clipboard")
    with visitor.page.expect_download() as download:
        visitor.page.locator("#save-png").click()
    with Image.open(download.value.path()) as saved:
        assert np.array_equal(np.asarray(saved.convert("L")) > 127, mask)


def test_by_keyboard_alone(visitor: Visitor) -> None:
    visitor.opens_sample(BOTTLE)
    keys = visitor.page.keyboard
    expect(visitor.page.locator(".stage")).to_be_focused()

    def walk(start: tuple[float, float], end: tuple[float, float]) -> None:
        for apart, there, back in [
            (end[0] - start[0], "ArrowRight", "ArrowLeft"),
            (end[1] - start[1], "ArrowDown", "ArrowUp"),
        ]:
            for _ in range(round(abs(apart) * 100)):
                keys.press(there if apart > 0 else back)

    at = middle(bottle())
    walk((0.5, 0.5), at)
    clicked = visitor.gets(lambda: keys.press("Enter"))
    assert iou(clicked, bottle()) > 0.9
    visitor.page.locator(".stage").focus()
    for _ in range(12):
        keys.press("Shift+ArrowRight")
    visitor.gets(lambda: keys.press("n"))
    visitor.page.locator(".stage").focus()
    assert iou(visitor.gets(lambda: keys.press("Control+z")), clicked) == 1.0

    visitor.page.locator("#clear").press("Enter")
    visitor.page.locator('[data-tool="positive"]').focus()
    for _ in range(2):
        keys.press("ArrowRight")
    expect(visitor.page.locator('[data-tool="box"]')).to_be_focused()
    expect(visitor.page.locator('[data-tool="box"]')).to_have_attribute("aria-checked", "true")
    visitor.page.locator(".stage").focus()
    first, last = corners(bottle())
    walk((at[0] + 0.6, at[1]) if at[0] + 0.6 < 1 else (1.0, at[1]), first)
    keys.press("Enter")
    walk(first, last)
    assert iou(visitor.gets(lambda: keys.press("Enter")), bottle()) > 0.8


def test_by_finger(visits: Visits) -> None:
    visitor = visits(
        has_touch=True, is_mobile=True, viewport={"width": 412, "height": 860}, device_scale_factor=2
    )
    visitor.visit("/playground")
    visitor.opens_sample(BOTTLE)
    assert iou(visitor.gets(lambda: visitor.tap(*middle(bottle()))), bottle()) > 0.9
    visitor.screenshot(SCREENSHOTS / "playground-touch.png")
    visitor.page.locator("#clear").tap()
    visitor.page.locator('[data-tool="box"]').tap()
    assert iou(visitor.gets(lambda: visitor.swipe(*corners(bottle()))), bottle()) > 0.9
    wide = visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide, "the page is wider than the telephone"


def large_png(path: Path, width: int, height: int) -> Path:
    """A PNG of so many pixels, in some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts))
    return path


def test_what_is_no_picture_ends_in_a_sentence_and_the_open_one_stays(
    visitor: Visitor, tmp_path: Path
) -> None:
    visitor.opens_sample(BOTTLE)
    clicked = visitor.gets(lambda: visitor.click(*middle(bottle())))
    (tmp_path / "notes.jpg").write_text("no picture at all\n" * 40)
    (tmp_path / "empty.png").touch()
    (tmp_path / "drawing.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><script>alert(1)</script>'
        '<image href="http://169.254.169.254/" width="9" height="9"/><rect width="99" height="99"/></svg>'
    )
    large_png(tmp_path / "large.png", 20_000, 10_000)
    for name, about in {
        "notes.jpg": "images are read as",
        "empty.png": "is empty",
        "drawing.svg": "images are read as",
        "large.png": "megapixels",
    }.items():
        visitor.opens(tmp_path / name)
        expect(visitor.page.locator("#said")).to_contain_text(about)
        assert visitor.said.startswith(name)
        expect(visitor.page.locator("#said")).to_have_class(re.compile(r"\berror\b"))
        assert iou(visitor.copied_rle(), clicked) == 1.0


def test_a_picture_of_more_pixels_than_a_canvas_has_is_clicked_on(visitor: Visitor, tmp_path: Path) -> None:
    picture = np.full((4200, 6000, 3), 200, np.uint8)
    picture[1000:3000, 2000:4000] = (30, 60, 200)
    Image.fromarray(picture).save(tmp_path / "wide.jpg")
    visitor.opens(tmp_path / "wide.jpg")
    expect(visitor.page.locator("#said")).to_contain_text("6000 × 4200 pixels, is read")
    mask = visitor.gets(lambda: visitor.click(0.5, 0.47))
    height, width = mask.shape
    assert 15_900_000 < height * width < 16_100_000
    assert abs(mask.mean() - 2000 * 2000 / (6000 * 4200)) < 0.01


def test_an_address_is_not_read(visitor: Visitor) -> None:
    visitor.page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/uri-list", "http://169.254.169.254/latest/meta-data");
          const how = { dataTransfer: data, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("drop", how));
        }"""
    )
    expect(visitor.page.locator("#said")).to_contain_text("no addresses")


def test_two_models_side_by_side(visitor: Visitor) -> None:
    visitor.opens_sample(PEBBLES)
    for wrong in ("http://example.com", "//example.com", "/nothing", "../x"):
        visitor.page.fill("#prefix", wrong)
        visitor.page.locator("#compare").click()
        expect(visitor.page.locator("#compared")).to_have_class(re.compile(r"\berror\b"))
    visitor.page.fill("#prefix", "/second")
    visitor.page.locator("#compare").click()
    expect(visitor.page.locator("#compared")).to_contain_text("classical-3 is beside")
    with visitor.page.expect_response(lambda answer: answer.url.endswith("/second/predict")) as second:
        visitor.gets(lambda: visitor.click(*middle(truth("touching", "tuned", 5))))
    assert second.value.status == 200
    expect(visitor.page.locator(".board .stages")).to_have_count(2)
    visitor.screenshot(SCREENSHOTS / "playground-two.png", "#picture")
    visitor.page.locator("#alone").click()
    expect(visitor.page.locator(".board")).to_have_count(1)


def test_any_mask_becomes_its_own_outlines_and_its_own_rle(visitor: Visitor) -> None:
    """Noise has every way in which pixels can touch: at corners, around holes, with parts in holes."""
    rng = np.random.default_rng(5)
    for height, width, share in [
        (1, 1, 1.0),
        (7, 5, 0.0),
        (7, 5, 1.0),
        (30, 40, 0.5),
        (64, 48, 0.2),
        (48, 64, 0.8),
    ]:
        mask = rng.random((height, width)) < share
        made = visitor.page.evaluate(
            """async ([on, width, height]) => {
              const formats = await import("./pages/playground/formats.js");
              const bytes = Uint8Array.from(on);
              return [formats.cocoRle(bytes, width, height), formats.rings(bytes, width, height)];
            }""",
            [mask.ravel().astype(int).tolist(), width, height],
        )
        assert np.array_equal(coco_mask(made[0]), mask)
        assert np.array_equal(inside(made[1], height, width), mask)


def inside(rings: list[list[list[int]]], height: int, width: int) -> Mask:
    """The pixels that an odd number of vertical edges of the rings lie left of, HxW bool."""
    found = np.zeros((height, width + 1), np.bool_)
    for ring in rings:
        for (x, y), (_, other) in zip(ring, [*ring[1:], ring[0]], strict=True):
            found[min(y, other) : max(y, other), x:] ^= True
    return found[:, :width]
