"""The finder, its model faked: phrases, and which version it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from deployments import encoder as encoder_module
from deployments import finder as finder_module
from deployments.finder import Finder
from finders.catalogue import FINDERS
from finders.detector import Detector
from segmenters.options import ModelOptions
from values.errors import BadPrompt, OtherVersion


class Faked(Detector):
    """Reads phrases as their lengths."""

    def load_encoder(self, threads: int) -> Any:
        return type("Half", (), {"device": "cpu"})()

    def load_phrases(self, threads: int) -> Any:
        return self

    def vectors(self, phrases: Sequence[str]) -> Any:
        if "" in phrases:
            raise BadPrompt("nothing in it")
        return np.array([[len(phrase)] for phrase in phrases], np.float32)


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> Finder:
    for module in (encoder_module, finder_module):
        monkeypatch.setattr(module, "threads_each", lambda workers: 1)
    return Finder(Faked(FINDERS["owlv2_base"], ModelOptions()), 4)


async def test_phrases_become_queries(finder: Finder) -> None:
    assert (await finder.vectors(["cat", "house"], "owlv2_base-e1e130b9")).tolist() == [[3], [5]]
    assert await finder.ready() == "the finder is ready"
    with pytest.raises(BadPrompt):
        await finder.vectors([""], "owlv2_base-e1e130b9")


async def test_another_version_is_refused(finder: Finder) -> None:
    with pytest.raises(OtherVersion, match="serves owlv2_base-e1e130b9, and owlv2_base-2 was asked for"):
        await finder.vectors(["cat"], "owlv2_base-2")
