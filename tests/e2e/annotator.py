"""An annotator in Label Studio's editor: everything is done by mouse and keyboard, and seen on the screen."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, Response, expect

from testing.label_studio_masks import Box

Picture = NDArray[np.int16]

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
FAILED = SCREENSHOTS / "failed.png"

KEEP = "Keep label selected after creating a region"

_SLOW_MS = 60_000  # a bound for a shared machine; nothing waits this long when all is well


class Annotator:
    """Drives one page. Positions are pixels of the open task's image."""

    def __init__(self, page: Page, url: str) -> None:
        page.set_default_timeout(_SLOW_MS)
        page.set_default_navigation_timeout(_SLOW_MS)
        expect.set_options(timeout=_SLOW_MS)
        self.page = page
        self._url = url
        self._size = (0, 0)

    def log_in(self, user: str, password: str) -> None:
        """Log in at Label Studio's form."""
        self.page.goto(f"{self._url}/user/login")
        self.page.fill("#email", user)
        self.page.fill("#password", password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page).not_to_have_url(re.compile("/user/login"))

    def open_task(self, project: int, task: int, size: tuple[int, int]) -> None:
        """Open a task whose image is of ``size`` (width, height); return when the image is drawn."""
        self._size = size
        self.page.goto(f"{self._url}/projects/{project}/data?task={task}")
        # The editor builds itself a second time when the task's predictions have come.
        self.page.wait_for_load_state("networkidle")
        expect(self._image).to_be_visible()
        self._until(lambda: float(self.picture().std()) > 5, "the image is drawn")

    def auto_annotation(self) -> None:
        """Switch Auto-Annotation on and leave Auto-Accept off."""
        for name, wanted in (("annotation", True), ("accept", False)):
            toggle = self.page.get_by_test_id(f"bottombar-auto-{name}-toggle")
            if toggle.is_checked() != wanted:
                toggle.set_checked(wanted, force=True)  # the input itself is hidden under its drawing
            expect(toggle).to_be_checked(checked=wanted)

    @contextmanager
    def settings(self) -> Iterator[Locator]:
        """While the editor's settings are open: the line of the one that keeps the label."""
        self.page.get_by_test_id("bottombar-settings-button").click()
        line = self.page.locator(".lsf-settings__field").filter(has_text=KEEP)
        expect(line).to_be_visible()
        yield line
        # Escape is lost while the window does not have the focus yet.
        self.page.locator(".ant-modal-close").click()
        expect(line).to_be_hidden()

    def pick(self, tool: Literal["key-point-tool", "rectangle-tool"], label: str) -> None:
        """Pick a smart tool first and then the label: the other way round the tool would not be smart."""
        group = self.page.locator(".lsf-toolbar .lsf-tool_smart").first
        inside = self.page.locator(f".lsf-tool_smart[aria-label={tool}]")
        alone = not inside.count()  # a smart tool that is the only one is the button itself
        if alone or not inside.is_visible():
            group.click()
        if not alone:
            inside.click()
            expect(inside).to_have_class(re.compile("lsf-tool_active"))
        clicks_come_first = self.page.locator(".lsf-tool[aria-label=key-point-tool]").count() > 0
        labels = self.page.locator(".lsf-labels").nth(int(tool == "rectangle-tool" and clicks_come_first))
        labels.get_by_text(label, exact=True).click()
        expect(group).to_have_class(re.compile("lsf-tool_active"))

    def click(self, x: float, y: float, *, negative: bool = False) -> dict[str, Any]:
        """Click on the image, with Alt for a negative click; what Label Studio answers its editor."""
        with self._answer() as answer:
            if negative:
                self.page.keyboard.down("Alt")
            self.page.mouse.click(*self._on_screen(x, y))
            if negative:
                self.page.keyboard.up("Alt")
        return answer

    def drag(self, box: Box) -> dict[str, Any]:
        """Draw a rectangle (x0, y0, x1, y1); what Label Studio answers its editor."""
        with self._answer() as answer:
            self.page.mouse.move(*self._on_screen(*box[:2]))
            self.page.mouse.down()
            self.page.mouse.move(*self._on_screen(*box[2:]), steps=8)
            self.page.mouse.up()
        return answer

    def accept(self) -> None:
        """Accept the suggestions with the tick of the bottom bar."""
        tick = self.page.get_by_test_id("bottombar-accept-suggestions-button")
        tick.click()
        expect(tick).to_be_hidden()

    def submit(self) -> int:
        """Submit; the id of the annotation that Label Studio stored."""
        with self.page.expect_response(_posts("/annotations")) as waiting:
            self.page.get_by_test_id("bottombar-submit-button").click()
        response: Response = waiting.value
        assert response.status == 201, response.text()
        return int(response.json()["id"])

    def regions(self) -> int:
        """How many regions the outliner lists."""
        return int(self.page.locator(".lsf-outliner-item").count())

    def picture(self) -> Picture:
        """The image as drawn on the screen with all masks, HxWx3, at the image's own size."""
        # Clipped from the page: the element itself may be replaced while it is looked at.
        png = self.page.screenshot(clip=self._image.bounding_box())
        shot = Image.open(io.BytesIO(png)).convert("RGB")
        return np.asarray(shot.resize(self._size), np.int16)

    def drawn(self, before: Picture, area: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where the screen differs from ``before``, once most of ``area`` does (HxW bool)."""
        changed = np.zeros(area.shape, bool)

        def covers() -> bool:
            nonlocal changed
            changed = np.abs(self.picture() - before).max(axis=2) > 10
            return bool(changed[area].mean() > 0.5)

        self._until(covers, "the mask is drawn")
        return changed

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    @property
    def _image(self) -> Any:
        # The image under the drawing surface; the surface may be larger than it, or cut it off.
        return self.page.locator(".lsf-image img")

    def _on_screen(self, x: float, y: float) -> tuple[float, float]:
        image = self._image.bounding_box()
        return image["x"] + x * image["width"] / self._size[0], image["y"] + y * image["height"] / self._size[
            1
        ]

    @contextmanager
    def _answer(self) -> Iterator[dict[str, Any]]:
        answer: dict[str, Any] = {}
        with self.page.expect_response(_posts("/interactive-annotating")) as waiting:
            yield answer
        answer.update(waiting.value.json())
        assert answer.get("data", {}).get("result"), f"no mask came back: {answer}"
        answer["prompts"] = waiting.value.request.post_data_json["context"]["result"]

    def _until(self, condition: Any, what: str) -> None:
        """Poll what is on the screen, which the page gives no event for."""
        deadline = time.monotonic() + _SLOW_MS / 1000
        while not condition():
            if time.monotonic() > deadline:
                self.screenshot(FAILED)
                raise AssertionError(f"it never happened that {what}; see {FAILED}")
            self.page.wait_for_timeout(200)  # a look costs a tenth of a second of a core


def _posts(path: str) -> Any:
    return lambda response: response.request.method == "POST" and path in response.url
