"""What the docs name exists: modules, commands, flags, make targets, pages and the places in them."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest
import typer

from serve_app.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = sorted(path for path in ROOT.glob("[a-z]*") if path.is_dir())

PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in folder.rglob("*.md"))])
SAYING = [
    *PAGES,
    *(path for folder in FOLDERS for kind in ("*.py", "*.yaml", "Dockerfile") for path in folder.rglob(kind)),
    *(ROOT / ".github").rglob("*.yml"),
    *(ROOT / name for name in ("Makefile", "NOTICE", ".ci/run")),
]
"""Where commands are named: pages, sources with their docstrings, and what runs them."""

COMMAND = re.compile(r"python[\d.]* -m ([a-z_]\w*(?:\.\w+)*)([^`\n|#;]*)|\"-m\", \"(\w+(?:\.\w+)+)\"()")
NAME = re.compile(r"`([a-z_]\w*(?:\.\w+)+)(?:\(\))?`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def saying(what: re.Pattern[str]) -> list[Path]:
    """The files in which something is named; a test for each of the others would find nothing."""
    return [file for file in SAYING if what.search(file.read_text())]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(module, the words behind it) of every `python -m MODULE ...` in a text, and of those in lists."""
    for match in COMMAND.finditer(text):
        yield match[1] or match[3], re.split(r"\s{2,}|[,)'\"]", match[2] or "")[0].split()


def anchors(page: Path) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    found = Counter[str]()
    names = set()
    for heading in HEADING.findall(FENCED.sub("", page.read_text())):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def is_a_module(name: str) -> bool:
    """Whether `python -m NAME` finds something to run, without running any of it."""
    if (ROOT / name.partition(".")[0]).is_dir():
        path = ROOT.joinpath(*name.split("."))
        return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    # Not by importlib.util: setuptools' finder acts when it is asked for pip.
    return PathFinder.find_spec(name.partition(".")[0]) is not None


def flags_of(module: str) -> str:
    """The source in which a benchmark's flags stand: its own, and that of benchmarks that it imports from."""
    own = _source(module)
    return own + "".join(map(_source, re.findall(r"^from (benchmarks\.[\w.]+) import", own, re.MULTILINE)))


def _source(module: str) -> str:
    """The text of a module, or of all modules of a package."""
    path = ROOT.joinpath(*module.split("."))
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return "".join(file.read_text() for file in files)


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command of serve_app that the words begin with, and the words that are left."""
    command: Any = typer.main.get_command(app)
    while words and words[0] in (known := vars(command).get("commands", {})):
        command, words = known[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("file", saying(COMMAND), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_that_is_named_exists(file: Path) -> None:
    for module, words in commands(file.read_text()):
        assert is_a_module(module), f"there is no python -m {module}"
        flags = [word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z][\w-]*(=.*)?", word)]
        if module == "serve_app":
            command, rest = command_of(words)
            group = vars(command).get("commands", {})
            named = rest and re.fullmatch(r"[a-z]+", rest[0]) and group
            assert not named, f"serve_app has no command {rest[0]}; it has {', '.join(group)}"
            known = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
            assert set(flags) <= known | {"--help"}, f"{set(flags) - known} of {' '.join(words)}"
        elif module.startswith("benchmarks."):
            missing = [flag for flag in flags if f'"{flag}"' not in flags_of(module)]
            assert not missing, f"python -m {module} has no {missing}"


def test_commands_are_found_in_text_and_in_lists() -> None:
    text = (
        "`python -m benchmarks.soak --minutes 3` and\n"
        ".venv/bin/python -m serve_app models list   # --what\n"
        '[sys.executable, "-m", "benchmarks.click.bare", folder]'
    )
    assert list(commands(text)) == [
        ("benchmarks.soak", ["--minutes", "3"]),
        ("serve_app", ["models", "list"]),
        ("benchmarks.click.bare", []),
    ]
    assert not is_a_module("benchmarks.latency")
    assert not is_a_module("benchmarks.click"), "a package without __main__.py does not run"


def leads_nowhere(dotted: str) -> bool:
    """Whether a dotted name begins with a folder of ours and leads to no module, or to nothing in it."""
    path, parts = ROOT, dotted.split(".")
    while parts and (path / parts[0]).is_dir():
        path, parts = path / parts[0], parts[1:]
    if path == ROOT or not parts:
        return False
    module = path / f"{parts[0]}.py"
    source, inside = (module, parts[1:]) if module.is_file() else (path / "__init__.py", parts)
    return not source.is_file() or not all(
        re.search(rf"\b{name}\b", source.read_text()) for name in inside[:1]
    )


@pytest.mark.parametrize("file", saying(NAME), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_that_is_named_exists(file: Path) -> None:
    named = {name for name in NAME.findall(file.read_text()) if not name.endswith((".py", ".md", ".yaml"))}
    assert not {name for name in named if leads_nowhere(name)}


def test_names_that_lead_nowhere_are_found() -> None:
    for name in ("values.errors.ModelError", "segmenters.sam", "protocol.click", "numpy.nothing", "net.pace"):
        assert not leads_nowhere(name), name
    for name in ("values.errors.NoSuchError", "segmenters.naming_of", "protocol.clicking.Click"):
        assert leads_nowhere(name), name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        led = (page.parent / path).resolve() if path else page
        assert led.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(led), f"{target}: {led.name} has no such heading"


def test_headings_are_named_as_github_names_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `click`, as data\n```\n# no heading\n```\n## Twice\n## Twice\n## Who's [there](x.md)?\n"
    )
    assert anchors(page) == {"a-click-as-data", "twice", "twice-1", "whos-there"}


def test_the_readme_says_how_much_of_the_code_the_tests_must_run() -> None:
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]["report"]["fail_under"]
    assert (
        f"`make coverage` fails below {least} % of the lines and branches" in (ROOT / "README.md").read_text()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    shown = [*FENCED.findall(text), *re.findall(r"`[^`]+`", FENCED.sub("", text))]
    named = re.findall(r"(?:`|^)(?:[A-Z]+=\S+ )*make ([a-z][\w-]*)", "\n".join(shown), re.MULTILINE)
    assert set(named) <= targets
