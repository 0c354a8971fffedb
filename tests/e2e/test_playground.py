"""The backend's own pages in a real browser, before the real application: two models side by side."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from playwright.sync_api import Browser, expect

from pages.operations import OPERATIONS
from testing.applications import application, serve_config
from testing.label_studio_masks import Mask, deepest, iou, loose_box
from testing.running_app import RunningApp, running_app
from testing.still_lifes.still_life import still_life
from tests.e2e.annotator import SCREENSHOTS
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

PAGES = ("/", "/playground", "/diagnose", "/docs")
WIDTH, HEIGHT = 960, 640
BOTTLE, PEBBLES, PATCHES = range(3)
AXE = Path(__file__).parents[2] / ".cache" / "axe" / "package" / "axe.min.js"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """Two applications on one port, at / and at /second."""
    config = serve_config()
    settings = {"model": "classical"}
    config["applications"] = [
        application("first", settings, prefix="/"),
        application("second", settings),
    ]
    path: Path = tmp_path_factory.mktemp("config") / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    with running_app(path) as running:
        yield running


Visits = Callable[..., Visitor]


@pytest.fixture
def visits(browser: Browser, app: RunningApp) -> Iterator[Visits]:
    """Makes visitors with a profile each, and sees to it that each asked the backend alone."""
    made: list[Visitor] = []

    def visit(**profile: Any) -> Visitor:
        made.append(Visitor(browser, app.url, **profile))
        return made[-1]

    yield visit
    for visitor in made:
        visitor.leave()


@pytest.fixture
def visitor(visits: Visits) -> Visitor:
    """At the playground, with a mouse."""
    visitor = visits()
    visitor.visit("/playground")
    return visitor


def truth(kind: str, chosen: str, number: int) -> Mask:
    return still_life(kind, chosen, number, (WIDTH, HEIGHT)).truth


def bottle() -> Mask:
    return truth("large", "reported", 5)


def middle(mask: Mask) -> tuple[float, float]:
    """A place well inside, as fractions."""
    x, y = deepest(mask)
    return (x + 0.5) / WIDTH, (y + 0.5) / HEIGHT


def corners(mask: Mask) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two corners of a box around it."""
    x0, y0, x1, y1 = loose_box(mask)
    return (x0 / WIDTH, y0 / HEIGHT), (x1 / WIDTH, y1 / HEIGHT)


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
    visitor.page.locator("#picture").scroll_into_view_if_needed()
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
    visitor.on_screen(0.5, 0.5)
    visitor.screenshot(SCREENSHOTS / "playground-touch.png")
    visitor.page.locator("#clear").tap()
    visitor.page.locator('[data-tool="box"]').tap()
    assert iou(visitor.gets(lambda: visitor.swipe(*corners(bottle()))), bottle()) > 0.9
    wide = visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide, "the page is wider than the telephone"


def test_in_the_dark(visits: Visits) -> None:
    visitor = visits(color_scheme="dark")
    for path in PAGES:
        visitor.visit(path)
        ground = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, ground.removeprefix("rgb(").rstrip(")").split(","))) < 60
    visitor.visit("/playground")
    visitor.opens_sample(PEBBLES)
    visitor.gets(lambda: visitor.click(*middle(truth("touching", "tuned", 5))))
    visitor.screenshot(SCREENSHOTS / "playground-dark.png")


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
    expect(visitor.page.locator("#compared")).to_contain_text("classical-2 is beside")
    with visitor.page.expect_response(lambda answer: answer.url.endswith("/second/predict")) as second:
        visitor.gets(lambda: visitor.click(*middle(truth("touching", "tuned", 5))))
    assert second.value.status == 200
    expect(visitor.page.locator(".board .stages")).to_have_count(2)
    visitor.screenshot(SCREENSHOTS / "playground-two.png")
    visitor.page.locator("#alone").click()
    expect(visitor.page.locator(".board")).to_have_count(1)


def test_the_page_under_a_prefix_asks_the_application_of_that_prefix(visits: Visits) -> None:
    visitor = visits()
    visitor.visit("/second")
    assert visitor.page.url == f"{visitor.url}/second/"
    visitor.visit("/second/playground/")
    visitor.page.locator("#samples button").nth(BOTTLE).click()
    expect(visitor.page.locator("#said")).to_contain_text("is read and encoded")
    assert {url for url in visitor.asked if "predict" in url} == {f"{visitor.url}/second/predict"}


def test_the_other_pages_tell_what_the_backend_tells(visits: Visits, app: RunningApp) -> None:
    visitor = visits()
    visitor.visit("/")
    expect(visitor.page.locator("#model")).to_contain_text("classical-2")
    expect(visitor.page.locator("#parts")).to_contain_text("Label Studio")
    link = visitor.page.get_by_role("link", name="Ray's dashboard")
    expect(link).to_have_attribute("href", f"{app.dashboard}/")
    visitor.screenshot(SCREENSHOTS / "status.png")
    visitor.page.request.post(f"{visitor.url}/predict", data="{")
    visitor.visit("/diagnose")
    expect(visitor.page.locator("#failures")).to_contain_text("bad_request")
    visitor.screenshot(SCREENSHOTS / "diagnose.png")
    visitor.visit("/docs")
    expect(visitor.page.locator("#said")).to_contain_text("Version")
    for method, path in OPERATIONS:
        expect(visitor.page.get_by_role("heading", name=f"{method} {path}", exact=True)).to_be_visible()
    visitor.screenshot(SCREENSHOTS / "interface.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(browser: Browser, app: RunningApp, scheme: str) -> None:
    """axe-core, from npm by install_axe.sh. It writes markup of its own, so the policy is off here."""
    if not AXE.exists():
        pytest.skip("no axe-core here: tests/e2e/install_axe.sh fetches it where there is npm")
    visitor = Visitor(browser, app.url, bypass_csp=True, color_scheme=scheme)
    for path in PAGES:
        visitor.visit(path)
        expect(visitor.page.locator("#said")).to_contain_text(re.compile("Version|As of|Open a picture"))
        if path == "/playground":
            visitor.opens_sample(BOTTLE)
            visitor.gets(lambda: visitor.click(*middle(bottle())))
        visitor.page.evaluate(AXE.read_text())
        found = visitor.page.evaluate("axe.run()")["violations"]
        grave = [each for each in found if each["impact"] in ("serious", "critical")]
        told = [(each["id"], [node["html"] for node in each["nodes"]]) for each in grave]
        assert not told, path
    visitor.leave()
