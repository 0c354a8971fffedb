"""Every hostile value ends in a sentence, and nothing inside has heard of it.

The options are the default ones, which allow any public address. What the values are and what they try is in
the tables; what a "public address" is on a machine without a network is told in ``world``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imaging.reader import ImageReader
from testing.canary import CANARY
from testing.image_files import SMALL
from tests.imaging.hostile import chains, names, studio, urls
from tests.imaging.hostile.conftest import Make
from tests.imaging.hostile.hostile import MARK, Hostile, each
from tests.imaging.hostile.sockets import watched
from tests.imaging.hostile.world import PNG, World
from tests.imaging.servers import Request, answer
from values.errors import ImageError, ImageTimeout
from values.image import ImageSource

TABLES = [
    *(urls.NUMBERS, urls.PARSERS, urls.SCHEMES, urls.OUTSIDE, urls.DATA, names.LIARS, chains.REDIRECTS),
    *(studio.OTHER_HOSTS, studio.OTHER_ROUTES, studio.LEADING_AWAY, studio.LOCAL_FILES),
]
SECRET_FILES = frozenset({"secret.png", "passwd", "environ", "docker.sock"})


async def attack(reader: ImageReader, net: World, hostile: Hostile) -> str:
    """Read a hostile value; the sentence it ends in. Fails when anything inside was connected to."""
    value = net.spelled(hostile.value)
    net.leading.leads = [net.spelled(lead) for lead in hostile.leads]
    source = ImageSource(value, project="3", task=42, login=f"user {CANARY}", password=CANARY)
    with watched() as watch, pytest.raises(ImageError) as caught:
        await reader.read(source, SMALL)
    outside = [("127.0.0.1", net.public.port), ("127.0.0.1", net.studio.port)]
    assert watch.leaks(*outside) == []
    assert watch.looked_up == []
    assert SECRET_FILES.isdisjoint(watch.opened)
    assert [service.connections for service in net.inside] == [0] * len(net.inside)
    assert type(caught.value) is hostile.error, caught.value.detail
    _check_sentence(caught.value.detail, net, hostile)
    return caught.value.detail


def _check_sentence(detail: str, net: World, hostile: Hostile) -> None:
    assert detail.startswith("cannot read the image of task 42: ")
    assert len(detail) < 700
    assert detail.isprintable()
    # The path that the task itself names may be told, never a query or where a redirect leads.
    told, _, path = detail.partition("; its path is ")
    assert MARK not in told
    assert "?" not in path
    assert CANARY not in detail
    spelled = hostile.value + " ".join(hostile.leads)
    # An address that somebody wrote may be named; one that a name was resolved to may not.
    assert not [address for address in net.resolver.answered if address in detail and address not in spelled]


def _told(request: Request) -> str | None:
    return request.headers.get("authorization")


def test_there_are_enough_of_them() -> None:
    everything = [(entry.value, entry.leads) for table in TABLES for entry in table]
    assert len(set(everything)) == len(everything) >= 250


async def test_a_public_host_is_read(make: Make, net: World) -> None:
    """Else all that follows would only show that nothing works."""
    net.public.routes["/a.png"] = answer(200, PNG)
    with watched() as watch:
        assert (await make().read(ImageSource("http://evil6.test/a.png"), SMALL)).width == 40
    assert watch.connected == [("127.0.0.1", net.public.port)]
    assert net.public.requests[0].headers["host"] == "evil6.test"


async def test_what_gets_past_the_checks_reaches_a_service(make: Make, net: World) -> None:
    """The net below the checks holds: where anything is allowed, the service inside is read."""
    with watched() as watch:
        pixels = await make(image_hosts="*").read(ImageSource("http://ten.test/"), SMALL)
    assert pixels.width == 40
    assert net.inside[0].connections == 1
    assert watch.leaks(("127.0.0.1", net.public.port)) == [("127.0.0.1", net.inside[0].port)]


@each([*urls.NUMBERS, *urls.PARSERS, *urls.SCHEMES, *names.LIARS])
async def test_nobody_is_asked(make: Make, net: World, hostile: Hostile) -> None:
    await attack(make(label_studio_url=net.studio.url, label_studio_api_key=CANARY), net, hostile)
    assert net.public.requests == net.studio.requests == []


@each(urls.OUTSIDE)
async def test_the_public_host_alone_is_asked(make: Make, net: World, hostile: Hostile) -> None:
    await attack(make(label_studio_url=net.studio.url, label_studio_api_key=CANARY), net, hostile)
    assert net.studio.requests == []
    for request in net.public.requests:
        assert request.headers["host"] == "evil.test"
        assert _told(request) is None


@each(urls.DATA)
async def test_images_in_the_value_itself(make: Make, net: World, hostile: Hostile) -> None:
    await attack(make(max_image_mib=1), net, hostile)
    assert net.public.requests == []


@each(chains.REDIRECTS)
async def test_redirects(make: Make, net: World, hostile: Hostile) -> None:
    await attack(make(label_studio_url=net.studio.url, label_studio_api_key=CANARY), net, hostile)
    assert 1 <= len(net.public.requests) <= 6
    assert {_told(request) for request in net.public.requests + net.studio.requests} == {None}


@each([*studio.OTHER_HOSTS, *studio.OTHER_ROUTES])
@pytest.mark.parametrize("kind", ["legacy_token", "personal_token"])
async def test_the_token_stays_with_the_files(make: Make, net: World, hostile: Hostile, kind: str) -> None:
    key = getattr(net.studio, kind)
    await attack(make(label_studio_url=net.studio.url, label_studio_api_key=key), net, hostile)
    assert {_told(request) for request in net.public.requests + net.studio.requests} <= {None}
    assert net.studio.refreshes == 0


@each(studio.LEADING_AWAY)
@pytest.mark.parametrize("kind", ["legacy_token", "personal_token"])
async def test_the_token_stays_where_it_is_led_away(
    make: Make, net: World, hostile: Hostile, kind: str
) -> None:
    key = getattr(net.studio, kind)
    await attack(make(label_studio_url=net.studio.url, label_studio_api_key=key), net, hostile)
    first, *later = [request for request in net.studio.requests if "refresh" not in request.path]
    assert _told(first) is not None
    assert {_told(request) for request in net.public.requests + later} <= {None}


async def test_the_token_stays_with_the_scheme(make: Make, net: World) -> None:
    """Where http is Label Studio's, https is another origin; the server hears a greeting and stays silent."""
    net.leading.leads = [net.spelled("https://{studio}/data/upload/1/a.png")]
    reader = make(label_studio_url=net.studio.url, label_studio_api_key=CANARY, connect_timeout_s=1)
    with pytest.raises(ImageTimeout, match="did not accept"):
        await reader.read(ImageSource("/data/upload/1/a.png"), SMALL)
    assert len(net.studio.requests) == 1


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(PNG)
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "a.png").write_bytes(PNG)
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "up").symlink_to("..")
    (root / "environ").symlink_to("/proc/self/environ")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return root


@each(studio.LOCAL_FILES)
async def test_a_mounted_folder_is_not_left(make: Make, net: World, mounted: Path, hostile: Hostile) -> None:
    await attack(make(local_files_document_root=mounted), net, hostile)
    with_studio = make(
        label_studio_url=net.studio.url, label_studio_api_key=CANARY, local_files_document_root=mounted
    )
    await attack(with_studio, net, hostile)
