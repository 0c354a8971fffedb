from __future__ import annotations

from dataclasses import dataclass

import pytest

from serve_app.cli.interruptions import noted
from values.errors import ModelError


@dataclass
class Told:
    stopped: str | None = None
    interrupted: bool = False


@pytest.mark.parametrize(
    ("raised", "told"),
    [(KeyboardInterrupt(), Told(interrupted=True)), (ModelError("it is gone"), Told("it is gone"))],
    ids=["Ctrl-C", "a failure"],
)
def test_what_ends_it_is_noted(raised: BaseException, told: Told) -> None:
    report = Told()
    with noted(report):
        raise raised
    assert report == told  # type: ignore[unreachable]


def test_what_nobody_expects_is_raised() -> None:
    with pytest.raises(ValueError, match="odd"), noted(Told()):
        raise ValueError("odd")
