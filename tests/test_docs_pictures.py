"""Pictures of the docs: each is shown, has words for who does not see it, is small, and can be made again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_docs import PAGES, ROOT

SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
LINKED = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+\.(?:png|jpg|svg))\)")
SCREENSHOT = re.compile(r"`(?:screenshots/)?([\w/-]+\.(?:png|svg))`")
PICTURES = sorted(path for path in (ROOT / "docs").rglob("*") if path.suffix in (".png", ".jpg", ".svg"))
MOST_BYTES = 250_000


def shown(page: Path) -> dict[Path, str]:
    """The pictures of a page that are files, with their words; "" for those that are only linked."""
    text = page.read_text()
    words = {target: alt for alt, target in SHOWN.findall(text) if "://" not in target}
    return {
        (page.parent / target).resolve(): words.get(target, "") for target in [*LINKED.findall(text), *words]
    }


def test_each_picture_is_shown_on_a_page() -> None:
    everywhere = {picture for page in PAGES for picture in shown(page)}
    assert not set(PICTURES) - everywhere


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_picture_that_is_shown_has_words(page: Path) -> None:
    assert all(len(alt) > 10 for alt, target in SHOWN.findall(page.read_text()) if "://" not in target)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_each_picture_is_small(picture: Path) -> None:
    assert picture.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_screenshot_that_a_caption_names_is_shown_there_and_made_by_a_test(page: Path) -> None:
    made = "".join(test.read_text() for test in (ROOT / "tests" / "e2e").glob("*.py"))
    captions = re.findall(r"<sub>.*?</sub>", page.read_text(), re.DOTALL)
    named = {name for caption in captions if "make e2e" in caption for name in SCREENSHOT.findall(caption)}
    assert not {name for name in named if f'"{name}"' not in made}
    assert named <= {picture.name for picture in shown(page)}


def test_what_is_missing_is_found() -> None:
    page = ROOT / "docs" / "projects.md"
    assert shown(page)[ROOT / "docs" / "projects.jpg"].startswith("Boxes around coins")
    assert not shown(ROOT / "docs" / "playground.md")[ROOT / "docs" / "diagnose.png"]
    assert ROOT / "docs" / "projects.jpg" in PICTURES
