"""Somebody at the backend's own pages: by mouse, by keyboard and by finger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from testing.label_studio_masks import Mask

_SLOW_MS = 60_000  # a bound for a shared machine; nothing waits this long when all is well

_TELL_OF_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("policy", event.violatedDirective, event.blockedURI));
"""


class Visitor:
    """A page of ``url``, in a profile of its own. Places are fractions of the open picture."""

    def __init__(self, browser: Browser, url: str, **profile: Any) -> None:
        self.url = url
        self.asked: list[str] = []
        self.errors: list[str] = []
        self._context = browser.new_context(**{"viewport": {"width": 1366, "height": 900}, **profile})
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(_SLOW_MS)
        expect.set_options(timeout=_SLOW_MS)
        self.page.add_init_script(_TELL_OF_VIOLATIONS)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        # What the backend refuses is in the console too, and is no error of a page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def leave(self) -> None:
        """Close the profile; nothing was asked of anybody else, and nothing was against the policy."""
        self._context.close()
        assert {urlsplit(url).netloc for url in self.asked if not url.startswith(("data:", "blob:"))} == {
            urlsplit(self.url).netloc
        }
        assert self.errors == []

    def visit(self, path: str) -> None:
        """Open a page."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == 200

    @property
    def said(self) -> str:
        """The sentence at the top of the page."""
        return str(self.page.locator("#said").inner_text())

    def opens(self, file: Path) -> None:
        """Open a file by the button."""
        self.page.set_input_files("#file", file)

    def opens_sample(self, number: int) -> None:
        """Open one of the samples, and wait until it is encoded."""
        self.page.locator("#samples button").nth(number).click()
        expect(self.page.locator("#said")).to_contain_text("is read and encoded")

    def on_screen(self, x: float, y: float, board: int = 0) -> tuple[float, float]:
        """Where a place of the picture is in the window."""
        stage = self.page.locator(".stage").nth(board)
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def gets(self, act: Callable[[], object]) -> Mask:
        """The mask that comes of what is done."""
        with self.page.expect_response(lambda answer: answer.url == f"{self.url}/predict") as waiting:
            act()
        assert waiting.value.status == 200, waiting.value.text()
        expect(self.page.locator("#said")).to_contain_text("The mask covers")
        return self.copied_rle()

    def click(self, x: float, y: float, **how: Any) -> None:
        """Click with the mouse."""
        self.page.mouse.click(*self.on_screen(x, y), **how)

    def drag(self, *places: tuple[float, float]) -> None:
        """Drag with the mouse from place to place."""
        first, *others = (self.on_screen(*place) for place in places)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in others:
            self.page.mouse.move(*place, steps=6)
        self.page.mouse.up()

    def tap(self, x: float, y: float) -> None:
        """Tap with a finger."""
        self.page.touchscreen.tap(*self.on_screen(x, y))

    def swipe(self, *places: tuple[float, float]) -> None:
        """Move a finger over the picture from place to place."""
        session = self._context.new_cdp_session(self.page)
        points = [self.on_screen(*place) for place in places]
        for kind, at in [
            ("touchStart", points[0]),
            *(("touchMove", point) for point in points[1:]),
            ("touchEnd", None),
        ]:
            touches = [] if at is None else [{"x": at[0], "y": at[1]}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        session.detach()

    def choose(self, tool: str) -> None:
        """Choose a tool by its button."""
        self.page.locator(f'[data-tool="{tool}"]').click()

    def copied(self, what: str) -> Any:
        """What a button copies, from the field that shows it."""
        self.page.locator(f"#copy-{what}").click()
        expect(self.page.locator("#copied")).to_contain_text("is on the clipboard")
        return json.loads(self.page.locator("#text").input_value())

    def copied_rle(self) -> Mask:
        """The mask that is copied as COCO's RLE."""
        return coco_mask(self.copied("rle"))

    def clipboard(self) -> str:
        """The text on the clipboard."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def screenshot(self, path: Path, top: str = "header") -> None:
        """What is in the window when ``top`` is at its top, as a PNG."""
        self.page.evaluate("(top) => document.querySelector(top).scrollIntoView()", top)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)


Visits = Callable[..., Visitor]
"""Makes visitors, each with what its profile has besides."""


def coco_mask(rle: dict[str, Any]) -> Mask:
    """The mask of COCO's compressed RLE, HxW bool, read as the format's own C code reads it."""
    runs: list[int] = []
    number, shift = 0, 0
    for byte in rle["counts"].encode("ascii"):
        group = byte - 48
        number |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                number -= 1 << shift
            runs.append(number + runs[-2] if len(runs) > 2 else number)
            number, shift = 0, 0
    height, width = rle["size"]
    values = np.arange(len(runs)) % 2 == 1
    flat: NDArray[np.bool_] = np.repeat(values, runs)
    assert flat.size == height * width
    return flat.reshape(width, height).T
