"""There are two ways to leave the event loop, read from the source itself.

A thread for what computes and ends (``concurrency/threads.py``), an abandonable one for what may hang
(``concurrency/abandonable.py``). A third is either a mistake or a decision: a decision is written down here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_doors import FOLDERS, ROOT

STARTS_A_THREAD = {"Thread", "ThreadPoolExecutor", "Timer", "run_in_executor", "to_thread"}

MAY = {
    "concurrency/threads.py": "one of the two ways",
    "concurrency/abandonable.py": "the other",
    "deployments/batcher.py": "runs what it is given in the one thread of its device",
    "serve_app/cli/own_application.py": "reads what a process says as long as it runs, and watches",
    "serve_app/cli/serve/dashboard_link.py": "a server as long as the process lives",
    "serve_app/cli/serve/ray_process.py": "watches what it has started, as long as that runs",
    "serve_app/cli/serve/shutdown.py": "closes Ray while there is time, when the process ends anyway",
    "serve_app/cli/serve/supervisor.py": "watches the process that started this one, as long as both live",
}


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            yield getattr(called, "attr", getattr(called, "id", ""))
        elif isinstance(node, ast.ClassDef):
            yield from (ast.unparse(base).rpartition(".")[2] for base in node.bases)


def _starting() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if STARTS_A_THREAD & set(_names(ast.parse(path.read_text(encoding="utf-8"), str(path))))
    }


@pytest.mark.slow
def test_nothing_else_starts_a_thread() -> None:
    assert _starting() == set(MAY)


@pytest.mark.parametrize("line", ["asyncio.to_thread(f)", "Thread(target=f)", "class A(b.Thread): ..."])
def test_whatever_starts_one_is_seen(line: str) -> None:
    assert STARTS_A_THREAD & set(_names(ast.parse(line)))
