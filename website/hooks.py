"""What MkDocs calls to build the site (mkdocs.yml): pages from outside docs/, and links that work there.

The pages are written for the code host, where a link names a file of this repository. The site has every
file that a page links to: pages become pages of the site, and any other file gets a page that shows its text.
So the site works without knowing where this repository is, and without the network.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "cluster/README.md": "cluster.md",
}
"""Pages outside docs/, and their names in the site."""

MERMAID = ROOT / ".cache" / "mermaid" / "mermaid.min.js"
"""What draws diagrams (website/install_mermaid.sh). Without it the site shows their text."""

_MERMAID_IN_SITE = "assets/javascripts/mermaid.min.js"
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".sh": "bash",
    ".toml": "toml",
}


def pages() -> list[str]:
    """Every page of the site that is written by hand, as a path in the repository."""
    return [*MOVED, *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


def place(path: str) -> str:
    """Where the site has a file or a folder of the repository, relative to the site's root."""
    if path in MOVED:
        return MOVED[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}/index.md" if (ROOT / path).is_dir() else f"source/{path}.md"


def links(markdown: str) -> Iterator[str]:
    """The targets of the links and pictures of a page that are in this repository; not what is in code."""
    for part in _CODE.split(markdown)[::2]:
        yield from (target for target in _TARGET.findall(part) if _is_ours(target))


def linked(page: str, target: str) -> str:
    """The path in the repository that a link of a page leads to."""
    path = target.partition("#")[0]
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page


def rewritten(markdown: str, page: str) -> str:
    """The page with links that lead to the same things in the site."""

    def moved(match: re.Match[str]) -> str:
        target = match[0]
        if not _is_ours(target) or target.startswith("#"):
            return target
        here = posixpath.dirname(place(page))
        return posixpath.relpath(place(linked(page, target)), here or ".") + "".join(
            target.partition("#")[1:]
        )

    parts = _CODE.split(markdown)
    return "".join(part if number % 2 else _TARGET.sub(moved, part) for number, part in enumerate(parts))


def sources() -> list[str]:
    """The files and folders that pages link to and that are no part of docs/ themselves."""
    found = {linked(page, target) for page in pages() for target in links((ROOT / page).read_text())}
    return sorted(path for path in found if place(path).startswith("source/"))


def shown(path: str) -> str:
    """A page that shows the text of a file, or the names in a folder. The search leaves it out."""
    file = ROOT / path
    if file.is_dir():
        names = sorted(each.name for each in file.iterdir() if not each.name.startswith(("__", ".")))
        return _HEAD.format(title=path) + "\n".join(f"* `{name}`" for name in names) + "\n"
    language = _LANGUAGES.get(file.suffix, "text")
    return _HEAD.format(title=path) + f"~~~~~~ {{.{language} linenums=1}}\n{file.read_text()}\n~~~~~~\n"


_HEAD = "---\nsearch:\n  exclude: true\nhide:\n  - toc\n---\n\n# `{title}`\n\n"


def heading_id(text: str, separator: str) -> str:
    """What a heading is called in links, as the code host calls it. MkDocs gives the separator."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", separator)


def on_config(config: Any) -> Any:
    """Set what mkdocs.yml could only say by tags that name Python code."""
    from pymdownx.superfences import fence_code_format

    config.mdx_configs["toc"]["slugify"] = heading_id
    drawn = {"name": "mermaid", "class": "mermaid", "format": fence_code_format}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [drawn]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside docs/ and those that show sources. MkDocs gives all files of docs/."""
    from mkdocs.structure.files import File, InclusionLevel

    for path, name in MOVED.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / path)))
    for path in sources():
        added = File.generated(config, place(path), content=shown(path), inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(added)
    if MERMAID.is_file():
        files.append(File.generated(config, _MERMAID_IN_SITE, abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Move the links of a page, and bring what draws its diagrams."""
    name = page.file.src_uri
    if name.startswith("source/"):
        return markdown
    [path] = [each for each in pages() if place(each) == name]
    markdown = rewritten(markdown, path)
    if "\n```mermaid" not in markdown:
        return markdown
    if MERMAID.is_file():
        return f'{markdown}\n\n<script src="{_MERMAID_IN_SITE}"></script>\n'
    return markdown.replace("\n```mermaid", "\n```text")


def _is_ours(target: str) -> bool:
    return "://" not in target and not target.startswith("mailto:")
