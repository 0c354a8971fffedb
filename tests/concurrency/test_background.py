"""Background work: bounded, and its failures do not spread."""

import asyncio

import pytest

from concurrency.background import Background
from values.errors import ImageMissing


async def test_over_the_limit_work_is_dropped() -> None:
    background, admission = Background(limit=1), asyncio.Event()
    assert background.start(admission.wait())
    assert not background.start(admission.wait())
    admission.set()
    await background.drain()
    assert background.start(admission.wait())
    await background.drain()


async def test_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ImageMissing("no image for task 42")

    background = Background(limit=1)
    background.start(fail())
    with caplog.at_level("WARNING", logger="ray.serve"):
        await background.drain()
    assert "no image for task 42" in caplog.text
