"""The docs as a site: each page is in the navigation, each link works on the code host and in the site."""

from __future__ import annotations

import posixpath
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from website.hooks import MOVED, ROOT, heading_id, linked, links, pages, place, rewritten, shown, sources

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
MKDOCS = ROOT / ".venv" / "site" / "bin" / "mkdocs"


def in_navigation(part: Any) -> list[str]:
    """The pages of a navigation, in their order."""
    if isinstance(part, str):
        return [part]
    return [
        page for each in (part.values() if isinstance(part, dict) else part) for page in in_navigation(each)
    ]


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(in_navigation(CONFIG["nav"])) == sorted(map(place, pages())), (
        "say in mkdocs.yml where it is"
    )


def test_every_page_at_the_top_and_in_docs_is_a_page_of_the_site() -> None:
    written = {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/*.md")]}
    assert written == set(pages())


@pytest.mark.parametrize("page", pages())
def test_each_link_of_the_site_leads_to_what_it_leads_to_on_the_code_host(page: str) -> None:
    text = (ROOT / page).read_text()
    there = {*map(place, pages()), *map(place, sources())}
    for before, after in zip(links(text), links(rewritten(text, page)), strict=True):
        path = after.partition("#")[0]
        led = (
            posixpath.normpath(posixpath.join(posixpath.dirname(place(page)), path)) if path else place(page)
        )
        assert led == place(linked(page, before))
        assert led in there or (ROOT / "docs" / led).is_file(), f"{before} leads nowhere"
        assert before.partition("#")[2] == after.partition("#")[2]


def test_links_move_with_their_pages() -> None:
    text = "[a](docs/models.md#licences) ![b](docs/click.png) [`c`](values/errors.py) `[d](e.md)` [f](https://g.h)"
    assert rewritten(text, "README.md") == (
        "[a](models.md#licences) ![b](click.png) [`c`](source/values/errors.py.md) `[d](e.md)` [f](https://g.h)"
    )
    assert rewritten("[a](../SECURITY.md) [b](#c) [d](../testing/captures)", "docs/images.md") == (
        "[a](security.md) [b](#c) [d](source/testing/captures/index.md)"
    )
    assert rewritten("[![a](docs/b.png)](LICENSE)", "README.md") == "[![a](b.png)](source/LICENSE.md)"
    assert rewritten("```\n[a](docs/b.md)\n```\n", "README.md") == "```\n[a](docs/b.md)\n```\n"
    assert set(MOVED) <= set(pages())


def test_a_file_is_shown_as_it_is_and_a_folder_by_its_files() -> None:
    assert (ROOT / "values" / "errors.py").read_text() in shown("values/errors.py")
    assert "* `setup.json`" in shown("testing/captures")


def test_headings_are_named_as_the_code_host_names_them() -> None:
    assert heading_id("A `click`, as data", "-") == "a-click-as-data"
    assert heading_id("Who's there? Two -- dashes", "-") == "whos-there-two----dashes"


class Page(HTMLParser):
    """What a page of the site loads, and where its links lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(found["href"])
        elif "src" in found:
            self.loaded.append(found["src"])


@pytest.mark.slow
@pytest.mark.skipif(not MKDOCS.exists(), reason="`make site` brings MkDocs")
def test_the_site_is_built_loads_nothing_from_elsewhere_and_has_no_dead_link(tmp_path: Path) -> None:
    command = [str(MKDOCS), "--quiet", "build", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {path: Page(path) for path in tmp_path.rglob("*.html") if path.name != "404.html"}
    assert len(found) == len(pages()) + len(sources())
    for path, page in found.items():
        # The code host takes a list for one that begins right below a line of text; the site does not.
        assert not re.search(r"<p>[^<]*\n(?:\*|\d+\.) ", path.read_text()), (
            f"{path.name} has a list that is none"
        )
        for target in (*page.loaded, *page.links):
            if "://" in target and target in page.links:
                continue
            assert "://" not in target, f"{path.name} loads {target}"
            file, _, anchor = unquote(target).partition("#")
            led = (path.parent / file).resolve() if file else path
            led = led / "index.html" if led.is_dir() else led
            assert led.is_file(), f"{path.name}: {target} leads nowhere"
            assert not anchor or led not in found or anchor in found[led].ids, f"{path.name}: no {target}"
