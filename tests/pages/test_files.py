"""The files of the pages: which there are, what they ask for, what they are sent with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pages.files import SECURITY_HEADERS, STATIC, File, read_files
from testing.still_lifes.still_life import still_life

FILES = read_files()
PAGES = sorted(name for name in FILES if name.endswith(".html"))
SAMPLES = {
    "bottle.jpg": ("large", "reported", 5),
    "pebbles.jpg": ("touching", "tuned", 5),
    "patches.jpg": ("textured", "tuned", 5),
}
"""Each sample's kind, set and number among the still lifes."""


def text(name: str) -> str:
    return FILES[name].content.decode()


def test_each_file_has_a_tag_of_its_content() -> None:
    assert File(b"one", "text/css").etag == File(b"one", "text/css").etag != File(b"two", "text/css").etag
    assert len({file.etag for file in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("sent", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_has_the_file_is_recognised(sent: str) -> None:
    file = FILES["style.css"]
    assert file.is_known(sent.format(file.etag))


@pytest.mark.parametrize("sent", [None, "", '"other"', "style.css"])
def test_a_client_that_has_another_one_is_not(sent: str | None) -> None:
    assert not FILES["style.css"].is_known(sent)


def test_a_file_of_another_kind_is_no_part_of_the_pages(tmp_path: Path) -> None:
    (tmp_path / "page.php").touch()
    with pytest.raises(ValueError, match=r"page\.php"):
        read_files(tmp_path)


def test_the_policy_lets_nothing_of_elsewhere_in_and_nothing_inline() -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in SECURITY_HEADERS["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert "unsafe" not in str(policy)
    assert "*" not in str(policy)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_inline_script_and_no_inline_style(name: str) -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text(name))
    assert re.findall(r"<script([^>]*)>(.*?)</script>", text(name), re.DOTALL) == [
        (f' type="module" src="{source}"', "")
        for source in re.findall(r'<script type="module" src="([^"]+)"', text(name))
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_files_that_are_there_by_addresses_that_hold_under_any_prefix(name: str) -> None:
    own = {"./", "playground", "diagnose", "docs", "openapi.json"}
    for address in re.findall(r'(?:href|src)="([^"#]+)', text(name)):
        assert address in own or address.removeprefix("pages/") in FILES, address


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".js")))
def test_a_script_imports_files_that_are_there_and_writes_no_markup(name: str) -> None:
    for imported in re.findall(r'^import .* from "([^"]+)";', text(name), re.MULTILINE):
        target = (STATIC / name).parent / imported
        assert target.resolve().relative_to(STATIC).as_posix() in FILES, imported
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|https?://", text(name))


@pytest.mark.parametrize("name", PAGES)
def test_every_element_that_a_script_looks_for_is_on_the_page(name: str) -> None:
    [script] = re.findall(r'src="pages/([^"]+\.js)"', text(name))
    scripts = [
        script,
        *(each for each in FILES if each.startswith("playground/") and script.startswith("playground/")),
    ]
    wanted = {found for each in scripts for found in re.findall(r'byId\("([\w-]+)"\)', text(each))}
    assert wanted <= set(re.findall(r'\sid="([\w-]+)"', text(name)))


def test_every_sample_is_one_that_the_playground_offers() -> None:
    offered = set(re.findall(r'file: "([^"]+)"', text("playground/samples.js")))
    assert (
        offered
        == set(SAMPLES)
        == {name.removeprefix("samples/") for name in FILES if name.startswith("samples/")}
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_the_still_life_that_it_is_said_to_be(name: str) -> None:
    """Drawn by this project: nobody else's picture is shipped."""
    kind, chosen, number = SAMPLES[name]
    drawn = still_life(kind, chosen, number, (960, 640)).rgb.astype(np.int16)
    with Image.open(STATIC / "samples" / name) as shipped:
        assert np.abs(np.asarray(shipped.convert("RGB"), np.int16) - drawn).mean() < 5
