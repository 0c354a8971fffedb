from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio

from label_studio.credentials import MAX_OFFERED, ProjectTokens
from label_studio.options import LabelStudioOptions
from label_studio.site import Site
from net.addresses import AllowList
from net.transport import Net
from testing.canary import CANARY

Make = Callable[..., ProjectTokens]
SITE = "http://studio.example/prefix"


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    nets: list[Net] = []

    def build(**options: Any) -> ProjectTokens:
        built = LabelStudioOptions.model_validate(options)
        nets.append(Net(built, AllowList((), None)))
        return ProjectTokens(built, Site.of(built), nets[-1])

    yield build
    for net in nets:
        await net.aclose()


async def test_the_token_of_the_settings_is_for_every_project(make: Make) -> None:
    tokens = make(label_studio_url=SITE, label_studio_api_key=CANARY)
    configured = tokens.of(None)
    assert configured is not None
    assert configured.kind == "legacy token in LABEL_STUDIO_API_KEY"
    assert tokens.of("offered") is configured


async def test_without_one_a_project_has_its_own(make: Make) -> None:
    tokens = make(label_studio_url=SITE)
    assert tokens.of(None) is None
    first = tokens.of("first")
    assert first is not None
    assert "that Label Studio sent with /setup" in first.kind
    assert await first.header() == "Token first"
    assert tokens.of("first") is first
    assert tokens.of("second") is not first


async def test_those_that_were_used_last_are_kept(make: Make) -> None:
    tokens = make(label_studio_url=SITE)
    first, second = tokens.of("first"), tokens.of("second")
    for number in range(MAX_OFFERED - 2):
        tokens.of(str(number))
    assert tokens.of("first") is first
    tokens.of("one more")
    assert tokens.of("first") is first
    assert tokens.of("second") is not second


async def test_without_label_studio_no_token_is_shown(make: Make) -> None:
    assert make(label_studio_api_key=CANARY).of(None) is None
    assert make().of("offered") is None
