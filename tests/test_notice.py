"""NOTICE names all that an image built from this repository holds, and whose networks are followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segmenters.model import LICENCES, Licence

ROOT = Path(__file__).resolve().parents[1]
NOTICE = (ROOT / "NOTICE").read_text()
PACKAGES = sorted(set(re.findall(r"^([a-z][\w-]*)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_named_with_its_licence(package: str) -> None:
    assert re.search(rf"^    {re.escape(package)} {{2,}}\S", NOTICE, re.MULTILINE)


@pytest.mark.parametrize("licence", LICENCES.values(), ids=list(LICENCES))
def test_the_networks_licences_are_those_of_their_checkpoints(licence: Licence) -> None:
    repository = licence.url.partition("/blob/")[0]
    assert re.search(rf"{re.escape(licence.spdx)} +{re.escape(repository)}$", NOTICE, re.MULTILINE)
