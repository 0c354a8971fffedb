"""Answers by the version of the model that they name, judged by what that model answers in calm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from testing.annotating.questions import Question, Questions, digest


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to a question of a ``kind`` (picture and point), and the version it names."""

    kind: tuple[int, int]
    version: str
    digest: str

    @classmethod
    def to(cls, question: Question, answer: dict[str, Any]) -> Given:
        """What came back. Raises ValueError where no version is named."""
        named = {str(result.get("model_version")) for result in answer["results"]}
        if len(named) != 1:
            raise ValueError(f"the answer names {sorted(named)} for a model")
        return cls(question.kind, named.pop(), digest(answer))


@dataclass
class Answers(Questions):
    """Notes every answer; which are right is known when every model has been asked in calm."""

    given: list[Given] = field(default_factory=list)
    learned: set[Given] = field(default_factory=set)

    def is_right(self, question: Question, answer: dict[str, Any]) -> bool:
        """True, for now."""
        self.given.append(Given.to(question, answer))
        return True

    def learn(self, ask: Callable[[Question], dict[str, Any]]) -> None:
        """Ask every click once of the model that serves now."""

        def asked(question: Question) -> dict[str, Any]:
            answer = ask(question)
            self.learned.add(Given.to(question, answer))
            return answer

        super().learn(asked)


def wrong(given: Sequence[Given], learned: set[Given]) -> int:
    """How many are not what the model that they name answers in calm."""
    return sum(each not in learned for each in given)
