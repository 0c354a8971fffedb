"""What the upgrade benchmark makes of answers, without an application."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from benchmarks.upgrade.answers import Answers, wrong
from benchmarks.upgrade.report import Row, show
from testing.annotating.figures import Figures
from testing.annotating.questions import Question


def answer(version: str, mask: int) -> dict[str, Any]:
    return {"results": [{"model_version": version, "score": 0.5, "result": [{"id": "a", "rle": [mask]}]}]}


def by(version: str, offset: int) -> Any:
    """A model whose masks are its own."""
    return lambda question: answer(version, offset + 10 * question.kind[0] + question.point)


def test_an_answer_is_right_if_the_model_that_it_names_answers_so() -> None:
    answers = Answers()
    for version, offset in (("old", 0), ("new", 1000)):
        answers.learn(by(version, offset))
    question = answers.known()
    for given in (by("old", 0)(question), by("new", 1000)(question)):
        assert answers.is_right(question, given)
    assert wrong(answers.given, answers.learned) == 0
    answers.is_right(question, by("old", 1000)(question))
    answers.is_right(question, by("neither", 0)(question))
    assert wrong(answers.given, answers.learned) == 2


def test_an_answer_that_names_no_single_model_is_none() -> None:
    with pytest.raises(ValueError, match="names"):
        Answers().is_right(Question(1, 0, cold=False), {"results": []})


@pytest.mark.parametrize(
    ("figures", "bad", "missed"),
    [
        (Figures("args", 1, 100, p99=1.5), 0, []),
        (Figures("args", 1, 100, p99=1.6), 0, ["3.2 x"]),
        (Figures("args", 1, 100, {"503": 2}, p99=1.0), 0, ["2 lost"]),
        (Figures("args", 1, 100, p99=1.0), 1, ["1 wrong"]),
    ],
)
def test_what_is_missed(figures: Figures, bad: int, missed: list[str]) -> None:
    row = Row("with", "args", 0.5, 20.0, bad, 3, figures)
    assert row.misses() == missed
    assert row.as_json()["missed"] == missed
    assert f"{bad} wrong" in row.said()
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        show([row], console)
    assert ", ".join(missed or ["kept"]) in capture.get()
