from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from label_studio.api import Address
from label_studio.tokens import DEFAULT_LIFE_S, LabelStudioTokens, Token, is_personal, life_of
from net.addresses import AllowList, Origin, parse_url
from net.transport import Net
from tests.imaging.servers import LabelStudio, Server, answer, jwt
from values.errors import ImageUnauthorized, ImageUnreachable

PLACE = "in LABEL_STUDIO_API_KEY"
Make = Callable[[str, str], LabelStudioTokens]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def make(clock: Clock) -> AsyncIterator[Make]:
    nets: list[Net] = []

    def build(address: str, key: str) -> LabelStudioTokens:
        url = parse_url(f"{address}/api/token/refresh/")
        nets.append(Net(ImageOptions(), AllowList((), Origin.of(url))))
        return LabelStudioTokens(
            url, Token(key, Address(address, "LABEL_STUDIO_URL"), PLACE, clock), nets[-1]
        )

    yield build
    for net in nets:
        await net.aclose()


def test_kinds_are_told_by_their_shape() -> None:
    assert is_personal(jwt(token_type="refresh"))
    for key in ("1f0c" * 10, "a.b.c", "..", "e30.e30.x", "not a token", "", "a.b", "\xff.b.c"):
        assert not is_personal(key)


def test_life_is_told_by_the_claims() -> None:
    assert life_of(jwt(iat=1000, exp=1300)) == 300
    assert life_of(jwt(exp=1000)) == 0  # long past, by our own clock
    for access in ("opaque", "a.b.c", jwt(), jwt(exp="soon")):
        assert life_of(access) == DEFAULT_LIFE_S


async def test_a_legacy_token_is_sent_as_it_is(make: Make, label_studio: LabelStudio) -> None:
    tokens = make(label_studio.address, label_studio.legacy_token)
    assert tokens.kind == "legacy token in LABEL_STUDIO_API_KEY"
    assert await tokens.header() == f"Token {label_studio.legacy_token}"
    assert not tokens.refused(await tokens.header())
    assert label_studio.requests == []


async def test_a_personal_token_is_exchanged_and_kept(
    make: Make, label_studio: LabelStudio, clock: Clock
) -> None:
    tokens = make(label_studio.address, label_studio.personal_token)
    assert tokens.kind == "personal access token in LABEL_STUDIO_API_KEY"
    first = await tokens.header()
    assert first.startswith("Bearer ")
    assert label_studio.personal_token not in first
    clock.now += 260
    assert await tokens.header() == first
    clock.now += 20  # 20 s before its end
    assert await tokens.header() != first
    assert label_studio.refreshes == 2


async def test_all_who_wait_share_one_refresh(make: Make, label_studio: LabelStudio) -> None:
    tokens = make(label_studio.address, label_studio.personal_token)
    headers = await asyncio.gather(*(tokens.header() for _ in range(20)))
    assert len(set(headers)) == 1
    assert label_studio.refreshes == 1


async def test_one_who_gives_up_does_not_take_the_token_from_the_others(
    make: Make, label_studio: LabelStudio
) -> None:
    label_studio.hold_refresh.clear()
    tokens = make(label_studio.address, label_studio.personal_token)
    first, second = (asyncio.create_task(tokens.header()) for _ in range(2))
    while not label_studio.requests:
        await asyncio.sleep(0)
    first.cancel()
    label_studio.hold_refresh.set()
    assert (await second).startswith("Bearer ")
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_refused_token_is_replaced_once_for_all(make: Make, label_studio: LabelStudio) -> None:
    tokens = make(label_studio.address, label_studio.personal_token)
    stale = await tokens.header()
    assert tokens.refused(stale)
    fresh = await tokens.header()
    assert tokens.refused(stale)  # another fetch that was under way with the old one
    assert await tokens.header() == fresh != stale
    assert label_studio.refreshes == 2


async def test_a_refused_personal_token(make: Make, label_studio: LabelStudio) -> None:
    tokens = make(label_studio.address, jwt(token_type="refresh", jti="CANARY"))
    for _ in range(2):  # a failure is not remembered
        with pytest.raises(
            ImageUnauthorized, match=r"personal access token in LABEL_STUDIO_API_KEY.*new one"
        ) as no:
            await tokens.header()
        assert "CANARY" not in str(no.value)
    assert label_studio.refreshes == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (500, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"access": ""}'),
        (200, b'{"access": "a\\r\\nb"}'),
    ],
)
async def test_what_is_not_label_studio(make: Make, server: Server, status: int, body: bytes) -> None:
    server.may_see_secrets = True  # the address that LABEL_STUDIO_URL names
    server.routes["/api/token/refresh/"] = answer(status, body)
    tokens = make(server.url, jwt(token_type="refresh"))
    with pytest.raises(ImageUnreachable, match="LABEL_STUDIO_URL"):
        await tokens.header()


async def test_a_path_prefix_is_kept(make: Make) -> None:
    async with LabelStudio(prefix="/studio") as label_studio:
        tokens = make(label_studio.address, label_studio.personal_token)
        assert (await tokens.header()).startswith("Bearer ")


async def test_the_key_is_not_shown(make: Make, label_studio: LabelStudio) -> None:
    assert "CANARY" not in repr(make(label_studio.address, "CANARY"))
