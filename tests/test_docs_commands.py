"""What readers of the docs type: each command parses, each file, route and variable that it names exists.

Where a page shows it as code: in its sh and bash blocks, and between backticks.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import pytest

from pages.operations import OPERATIONS
from serve_app.settings import SYNONYMS, Settings
from testing.doc_blocks import lines
from tests.test_docs import FOLDERS, PAGES, command_of

ROOT = Path(__file__).resolve().parents[1]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
ASSIGNED = re.compile(r"([A-Z][A-Z0-9_]*)=")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST")
OURS_OVER_HTTP = re.compile(r"https?://(?:127\.0\.0\.1|localhost|host|backend):9090(/[^\s`'\"?#)]*)")
ROUTE = re.compile(r"(?:GET|POST) (/[^\s`?,]*)$")

OURS = ".venv/bin/python -m serve_app"

PLACEHOLDERS = {"…", "ADDRESS", "YOUR_TOKEN"}
"""What a reader replaces."""

_FIRST_HOUR = "tests/real_label_studio/test_first_hour.py"

OTHERS = {
    "python3": "", "git": "clone", "cd": "", "export": "", "set": "", ".": "", "umask": "",
    "label-studio": "start", "helm": "repo install", "kubectl": "create apply get kustomize",
    "pip": "install", "docker": "build run push compose", "serve": "run", "make": "", "prometheus": "",
    "ray": "get-auth-token up exec dashboard down",
}  # fmt: skip
"""Programs in blocks, each with the commands of it that are used; `python -m` is looked at by itself."""

RUN_BY = {
    r"prometheus .*": "tests/cluster/test_monitoring_live.py",
    r"OTEL_\S+ make serve": "tests/deployments/test_tracing.py",
    r"FINDER=\S+ make serve": "tests/deployments/test_finding.py",
    r"make (check|site|test|e2e)": ".ci/run",  # the last two as test-and-e2e
    r"make (test-fast|coverage|test-all|cluster-test|fuzz|gpu-check|docs|lock)": "CONTRIBUTING.md",  # by hand
    r"(git|cd) .*|make serve|pip install .*|RAY_ADDRESS=local serve run .*": "tests/test_fresh_clone.py",
    r"ML_BLOCK_LOCAL_IP=.* label-studio start|export LABEL_STUDIO_URL=.*": _FIRST_HOUR,
    r"\S*python -m serve_app (connect|export) .*": _FIRST_HOUR,
    r"\S*python -m serve_app preannotate .*": "tests/real_label_studio/test_preannotate.py",
    r"\S*python -m serve_app review .*": "tests/real_label_studio/test_second_look.py",
    r"\S*python -m serve_app precompute .*": "tests/serve_app/cli/precompute/test_command.py",
    r"\S*python -m serve_app search .*": "tests/serve_app/cli/search/test_command.py",
    r"\S*python -m serve_app models .*": "tests/serve_app/cli/test_models.py",
    r"\S*python.-m.benchmarks.*": "docs/performance.md",  # by hand, minutes to an hour each
    r"\S*python -m serve_app (plan|doctor mine\.yaml) .*": "tests/serve_app/cli/test_plan.py",
    r"docker .*": "tests/cluster/test_dockerfile.py",  # its file
    r"kubectl .*|helm .*|python.-m.cluster\.manifests .*": "tests/cluster/test_manifests.py",  # their files
    r"ray (get-auth-token|up|exec|dashboard|down) .*": "tests/cluster/test_launcher.py",  # their files
    r"umask .*|python3 -c .*|cluster/\.env|set [-+]a|\. cluster/\.env": _FIRST_HOUR,
}
"""What runs each command of a block; where nothing here does, who looks at what it reads or makes."""

NAMES_FILES = {"-f", "-r"}
"""Flags of other programs that name a file of this repository."""

FOREIGN = re.compile(
    r"(AWS|GOOGLE|AZURE)_\w+"  # the clouds' own, which obstore reads
    r"|ML_BLOCK_LOCAL_IP|SSRF_PROTECTION_ENABLED"  # Label Studio's
    r"|HTTPS?_PROXY|SSL_CERT_(FILE|DIR)"  # of HTTP clients
    r"|RAY_(GRAFANA_HOST|PROMETHEUS_HOST|LOG_TO_STDERR)|OTEL_\w+"  # Ray's; OpenTelemetry's
    r"|NVIDIA_VISIBLE_DEVICES|PR_SET_DUMPABLE|SCHED_IDLE"  # the container runtime's; Linux' constants
    r"|ML_SERVER_BASIC_AUTH_(USER|PASS)|TEST_ENV|ANY"  # of the example backends: docs/migrating.md
    r"|LABEL_STUDIO_ULR"  # misspelt on purpose
    r"|YOUR_TOKEN"
)
"""Variables and constants that are nobody's setting here."""


def typed(line: str) -> Iterator[list[str]]:
    """The commands of a line, each as its words, with the variables that are set before it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word[0] not in "();&|<>":
            words.append(word)
        elif words:
            yield words
            words = []


def without_variables(words: Sequence[str]) -> list[str]:
    """The program and its arguments."""
    count = next((number for number, word in enumerate(words) if not ASSIGNED.match(word)), len(words))
    return list(words[count:])


def complaint(words: Sequence[str]) -> str | None:
    """Why a command of a page cannot be run as it is written; None where it can."""
    program, *rest = without_variables(words)
    if rest[:2] == ["-m", "serve_app"]:
        return _refused(rest[2:])
    if program.endswith("/python") or program == "python" or "/" in program:
        return None  # the module and its flags: tests/test_docs.py; files written to: nothing to look at
    if program not in OTHERS:
        return f"nobody says how {program} is looked at"
    if OTHERS[program] and rest[0] not in OTHERS[program].split():
        return f"{program} {rest[0]} is not among the commands that are used"
    named = [after for flag, after in pairwise(rest) if flag in NAMES_FILES]
    named += rest[1:2] if program == "serve" else []
    missing = [name for name in named if not (ROOT / name).is_file()]
    if missing:
        return f"there is no {', '.join(missing)}"
    if program == "make" and (unknown := set(rest) - _targets() - {w for w in rest if ASSIGNED.match(w)}):
        return f"make has no {', '.join(unknown)}"
    return None


def _refused(words: Sequence[str]) -> str | None:
    """What our own command line says against these words; it reads them and runs nothing."""
    command, rest = command_of(list(words))
    if "commands" in vars(command):
        return f"serve_app has no command {' '.join(words)}"
    try:
        command.make_context("serve_app", [word for word in rest if word not in PLACEHOLDERS])
    except Exception as error:
        return f"serve_app {' '.join(words)}: {getattr(error, 'message', '') or error}"
    return None


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def _read_somewhere() -> str:
    """Everything that reads or passes on a variable: sources, configs, images."""
    product = [folder for folder in FOLDERS if folder.name not in ("tests", "testing", "docs")]
    files = [path for folder in product for path in folder.rglob("*") if path.suffix in (".py", ".yaml")]
    return "\n".join(
        path.read_text() for path in [*files, ROOT / "Makefile", ROOT / "cluster" / "Dockerfile"]
    )


def unknown(variables: set[str]) -> set[str]:
    """Those that are no setting, that nothing here reads, and that are no other program's."""
    settings = {name.upper() for name in (*Settings.model_fields, *chain(*SYNONYMS.values()))}
    rest = {name for name in variables - settings if not FOREIGN.fullmatch(name)}
    return {name for name in rest if not re.search(rf"\b{name}\b", _read_somewhere())}


def variables(page: Path) -> set[str]:
    """Every variable that a page names as code or sets in a block."""
    text = page.read_text()
    spans = SPAN.findall(FENCED.sub("", text))
    named = {name for span in spans for name in [*ASSIGNED.findall(span), *VARIABLE.findall(span)]}
    return named | {name for line in lines(page) for name in ASSIGNED.findall(line)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_in_a_block_can_be_run(page: Path) -> None:
    said = [complaint(words) for line in lines(page) for words in typed(line) if without_variables(words)]
    assert not [each for each in said if each]


def runner(words: Sequence[str]) -> str | None:
    """The file that runs a command of a page, or that says when it is run."""
    command = " ".join(words)
    return next((file for pattern, file in RUN_BY.items() if re.fullmatch(pattern, command)), None)


def test_each_command_in_a_block_is_run_by_something() -> None:
    commands = [words for page in PAGES for line in lines(page) for words in typed(line)]
    assert not [words for words in commands if without_variables(words) and runner(words) is None]
    assert runner(["make", "bake"]) is None
    assert [file for file in RUN_BY.values() if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_variable_is_read_by_something(page: Path) -> None:
    assert not unknown(variables(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_route_is_one_of_ours(page: Path) -> None:
    text = page.read_text()
    asked = set(OURS_OVER_HTTP.findall(text))
    asked |= {path for span in SPAN.findall(FENCED.sub("", text)) for path in ROUTE.findall(span)}
    for line in [*lines(page), *SPAN.findall(FENCED.sub("", text))]:
        if line.startswith("curl "):
            asked |= {"/" + word.split("/", 1)[1] for word in shlex.split(line) if ":9090/" in word}
    routes = {route for _, route in OPERATIONS}
    assert not {path for path in asked if (path.replace(":path", "").rstrip("/") or "/") not in routes}


def test_what_cannot_be_run_is_found() -> None:
    for line in (
        "make bake", f"{OURS} connect --lable Cat", f"{OURS} serve --port nine", f"{OURS} models burn",
        "serve run configs/other.yaml", "docker compose -f compose.yaml up", "pip install -r missing.txt",
        "rm -rf /", "make test; make bake", "docker sweep",
    ):  # fmt: skip
        assert any(complaint(words) for words in typed(line)), line
    for line in (
        "PORT=9091 make serve   # a comment", "set -a; . cluster/.env; set +a", "make lock UPGRADE=--upgrade",
        f"{OURS} models download mobile_sam", '(umask 077; python3 -c "1" > cluster/.env)',
    ):  # fmt: skip
        assert not any(complaint(words) for words in typed(line) if without_variables(words)), line


def test_variables_that_nothing_reads_are_found() -> None:
    assert unknown({"LABEL_STUDIO_URLS", "MODEL_DIR", "RAY_ADDRESS", "AWS_REGION", "MAX_NOTHING"}) == {
        "LABEL_STUDIO_URLS",
        "MAX_NOTHING",
    }
