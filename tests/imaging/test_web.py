from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from imaging.sources import locate
from imaging.web import MAX_REDIRECTS, Web
from testing.canary import CANARY
from tests.imaging.servers import LabelStudio, Request, Server, answer, jwt
from values.errors import (
    ImageForbidden,
    ImageMissing,
    ImageTimeout,
    ImageUnauthorized,
    ImageUnreachable,
    NotAnImage,
)
from values.evidence import Content
from values.image import ImageSource
from values.locations import LabelStudioFile, WebImage

Fetch = Callable[..., Any]
UPLOAD = "/data/upload/3/a.png"


@pytest_asyncio.fixture
async def fetch() -> AsyncIterator[Fetch]:
    """Fetch one value, with a Web of its own unless ``web`` is given; ``source`` fields by keyword."""
    made: list[Web] = []

    async def run(value: str, hosts: str = "public", login: str | None = None, **options: Any) -> Content:
        built = ImageOptions.model_validate({"image_hosts": hosts, **options})
        made.append(Web(built))
        source = ImageSource(value, project="3", task=42, login=login, password=CANARY)
        location = locate(source, built)
        assert isinstance(location, LabelStudioFile | WebImage)
        return (await made[-1].fetch(location, source)).content

    yield run
    for web in made:
        await web.aclose()


def _named(*servers: Server) -> str:
    return ",".join(f"127.0.0.1:{server.port}" for server in servers)


def _sent(server: Server) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.requests]


@pytest.mark.parametrize("value", [UPLOAD, "/data/local-files/?d=local/%C3%A9%20x.png"])
async def test_personal_access_token(fetch: Fetch, label_studio: LabelStudio, value: str) -> None:
    label_studio.files = {UPLOAD: b"image", "/data/local-files/?d=local/é x.png": b"image"}
    got = await fetch(
        value, label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token
    )
    assert got == b"image"
    assert label_studio.refreshes == 1


async def test_legacy_token_where_enabled(fetch: Fetch) -> None:
    async with LabelStudio(legacy=True, prefix="/studio") as label_studio:
        label_studio.files[UPLOAD] = b"image"
        for value in (UPLOAD, f"/studio{UPLOAD}", label_studio.address + UPLOAD):
            got = await fetch(
                value, label_studio_url=label_studio.address, label_studio_api_key=label_studio.legacy_token
            )
            assert got == b"image"
        assert label_studio.refreshes == 0


async def test_legacy_token_where_disabled(fetch: Fetch, label_studio: LabelStudio) -> None:
    with pytest.raises(ImageUnauthorized, match=r"401 to the legacy token.*personal access token") as caught:
        await fetch(
            UPLOAD, label_studio_url=label_studio.address, label_studio_api_key=label_studio.legacy_token
        )
    assert label_studio.legacy_token not in str(caught.value)


async def test_no_token(fetch: Fetch, label_studio: LabelStudio) -> None:
    with pytest.raises(ImageUnauthorized) as caught:
        await fetch(UPLOAD, label_studio_url=label_studio.address)
    assert caught.value.detail == (
        "Label Studio answered 401; set LABEL_STUDIO_API_KEY to a token that may read project 3"
    )


async def test_a_token_refused_in_the_middle_is_refreshed_once(label_studio: LabelStudio) -> None:
    label_studio.files[UPLOAD] = b"image"
    options = ImageOptions.model_validate(
        {"label_studio_url": label_studio.address, "label_studio_api_key": label_studio.personal_token}
    )
    web = Web(options)
    source = ImageSource(UPLOAD)
    location = locate(source, options)
    assert isinstance(location, LabelStudioFile)
    try:
        assert (await web.fetch(location, source)).content == b"image"
        label_studio.forget_access_tokens()
        many = await asyncio.gather(*(web.fetch(location, source) for _ in range(10)))
        assert [found.content for found in many] == [b"image"] * 10
        assert label_studio.refreshes == 2
    finally:
        await web.aclose()


async def test_a_user_who_may_not_read_the_project(fetch: Fetch, label_studio: LabelStudio) -> None:
    label_studio.routes[UPLOAD] = answer(403)
    with pytest.raises(ImageUnauthorized, match=r"403 to the personal access token.*read project 3"):
        await fetch(
            UPLOAD, label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token
        )


async def test_a_redirect_to_the_login_page(fetch: Fetch, server: Server) -> None:
    server.routes[UPLOAD] = answer(302, location="/user/login/?next=/data/upload/3/a.png")
    with pytest.raises(ImageUnauthorized, match="asks for a login; set LABEL_STUDIO_API_KEY"):
        await fetch(UPLOAD, label_studio_url=server.url)
    assert len(server.requests) == 1


async def test_the_token_does_not_follow_to_another_origin(
    fetch: Fetch, label_studio: LabelStudio, server: Server
) -> None:
    # A presigned address, and back again: the token is dropped for good.
    label_studio.routes[UPLOAD] = answer(303, location=f"{server.url}/signed?X-Amz-Signature=s")
    server.routes["/signed"] = answer(200, b"image")
    options = {"label_studio_url": label_studio.address, "label_studio_api_key": label_studio.personal_token}
    assert await fetch(UPLOAD, hosts=_named(server), **options) == b"image"
    assert _sent(server) == [None]
    server.routes["/signed"] = answer(302, location=f"{label_studio.address}{UPLOAD}")
    with pytest.raises(ImageUnauthorized):
        await fetch(UPLOAD, hosts=_named(server), **options)
    assert _sent(server) == [None, None]
    assert _sent(label_studio)[-1] is None


async def test_the_token_does_not_follow_to_other_routes_of_label_studio(
    fetch: Fetch, label_studio: LabelStudio
) -> None:
    label_studio.routes[UPLOAD] = answer(302, location="/api/projects/3/export")
    with pytest.raises(ImageUnauthorized):
        await fetch(
            UPLOAD, label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token
        )
    assert label_studio.requests[-1].path == "/api/projects/3/export"
    assert _sent(label_studio)[-1] is None


@pytest.mark.parametrize(
    "location", ["/data/%2e%2e/api/projects/", "/data/%252e%252e/api/projects/", "/data/upload/../../api/"]
)
async def test_a_redirect_within_label_studio_is_checked_like_a_task(
    fetch: Fetch, label_studio: LabelStudio, location: str
) -> None:
    label_studio.routes[UPLOAD] = answer(302, location=f"{label_studio.address}{location}")
    with pytest.raises((ImageForbidden, ImageMissing, ImageUnauthorized)):
        await fetch(
            UPLOAD, label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token
        )
    asked = [request.path for request in label_studio.requests if request.headers.get("authorization")]
    assert [path for path in asked if "api/token/refresh" not in path] == [UPLOAD]


@pytest.mark.parametrize("value", ["/api/projects/3/export", "/user/account", "/projects/3/"])
async def test_the_token_is_not_sent_to_the_api(fetch: Fetch, label_studio: LabelStudio, value: str) -> None:
    with pytest.raises(ImageUnauthorized):
        await fetch(
            value, label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token
        )
    assert _sent(label_studio) == [None]


async def test_the_token_is_not_for_another_name_of_the_same_machine(
    fetch: Fetch, label_studio: LabelStudio
) -> None:
    value = f"http://localhost:{label_studio.port}/data/local-files/?d=a.png"
    options = {"label_studio_url": label_studio.address, "label_studio_api_key": label_studio.personal_token}
    remedy = f"add http://localhost:{label_studio.port} to LABEL_STUDIO_ALIASES"
    with pytest.raises(ImageForbidden, match=f"IMAGE_HOSTS.*{remedy}"):
        await fetch(value, **options)
    assert label_studio.requests == []
    with pytest.raises(ImageUnauthorized, match=remedy):
        await fetch(value, hosts=f"localhost:{label_studio.port}", **options)
    assert _sent(label_studio) == [None]


async def test_redirects_are_followed_up_to_five(fetch: Fetch, server: Server) -> None:
    for step in range(MAX_REDIRECTS + 1):
        server.routes[f"/{step}"] = answer((301, 302, 303, 307, 308)[step % 5], location=f"{step + 1}")
    server.routes[f"/{MAX_REDIRECTS + 1}"] = answer(200, b"image")
    assert await fetch(f"{server.url}/1", hosts=_named(server)) == b"image"
    with pytest.raises(ImageUnreachable, match="redirects more than 5 times"):
        await fetch(f"{server.url}/0", hosts=_named(server))


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/CANARY",
        "http://127.0.0.1:1/CANARY",
        "http://[::ffff:127.0.0.1]/CANARY",
        "http://2130706433/CANARY",
        "http://0x7f.1/CANARY",
        "file:///etc/passwd?CANARY",
        "//u:CANARY@host/",
        "http://host\\@evil/CANARY",
        "data:image/png;base64,CANARY",
        "ftp://host/CANARY",
    ],
)
async def test_redirects_are_checked(fetch: Fetch, server: Server, location: str) -> None:
    server.routes["/a.png"] = answer(302, location=location)
    with pytest.raises(ImageForbidden) as caught:
        await fetch(f"{server.url}/a.png", hosts=f"{_named(server)},public")
    assert "CANARY" not in str(caught.value)


async def test_a_redirect_without_a_target(fetch: Fetch, server: Server) -> None:
    server.routes["/a.png"] = answer(302)
    with pytest.raises(ImageUnreachable, match="answered 302"):
        await fetch(f"{server.url}/a.png", hosts=_named(server))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ImageUnauthorized),
        (403, ImageUnauthorized),
        (404, ImageMissing),
        (410, ImageMissing),
        (400, ImageUnreachable),
        (429, ImageUnreachable),
        (500, ImageUnreachable),
        (503, ImageUnreachable),
        (204, ImageUnreachable),
        (206, ImageUnreachable),
    ],
)
async def test_statuses(fetch: Fetch, server: Server, status: int, error: type[Exception]) -> None:
    server.routes["/a.png"] = answer(status, b"CANARY" if status != 204 else b"")
    with pytest.raises(error, match=str(status)) as caught:
        await fetch(f"{server.url}/a.png?sig=CANARY", hosts=_named(server))
    assert "CANARY" not in str(caught.value)


async def test_label_studio_fails_over_an_upload_it_does_not_have(
    fetch: Fetch, label_studio: LabelStudio
) -> None:
    label_studio.routes[UPLOAD] = answer(500)
    options = {
        "label_studio_url": label_studio.address,
        "label_studio_api_key": label_studio.personal_token,
    }
    with pytest.raises(ImageMissing, match="answered 500, as it does for an upload it does not have"):
        await fetch(UPLOAD, **options)


async def test_the_default_refuses_private_hosts(fetch: Fetch, server: Server) -> None:
    with pytest.raises(ImageForbidden, match=rf"add 127\.0\.0\.1:{server.port} to IMAGE_HOSTS"):
        await fetch(f"{server.url}/a.png")
    assert server.requests == []


async def test_star_allows_anything(fetch: Fetch, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"image")
    assert await fetch(f"{server.url}/a.png", hosts="*") == b"image"


async def test_task_data_login_for_a_named_host(fetch: Fetch, server: Server, other: Server) -> None:
    server.routes["/a.png"] = answer(302, location="/b.png")
    server.may_see_secrets = True
    server.routes["/b.png"] = answer(302, location=f"{other.url}/c.png")
    other.routes["/c.png"] = answer(200, b"image")
    assert await fetch(f"{server.url}/a.png", hosts=_named(server, other), login="ann é") == b"image"
    expected = "Basic " + base64.b64encode(f"ann é:{CANARY}".encode()).decode()
    assert _sent(server) == [expected, expected]
    assert _sent(other) == [None]


async def test_task_data_login_is_not_for_hosts_that_nobody_named(fetch: Fetch, server: Server) -> None:
    server.routes["/a.png"] = answer(401)
    with pytest.raises(ImageUnauthorized, match=r"only sent to hosts that IMAGE_HOSTS names") as caught:
        await fetch(f"{server.url}/a.png", hosts="*", login="ann")
    assert _sent(server) == [None]
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("value", [UPLOAD, "/static/a.png"])
async def test_task_data_login_is_never_for_label_studio(fetch: Fetch, server: Server, value: str) -> None:
    server.routes[value] = answer(200, b"image")
    assert await fetch(value, hosts=_named(server), label_studio_url=server.url, login="ann") == b"image"
    assert _sent(server) == [None]


async def test_a_host_that_drips(fetch: Fetch, server: Server) -> None:
    async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.001)

    server.routes["/a.png"] = drip
    with pytest.raises(ImageTimeout, match=r"within 0\.1 s in all"):
        await fetch(f"{server.url}/a.png", hosts=_named(server), image_timeout_s=0.1)


async def test_a_broken_key_does_not_name_itself(fetch: Fetch, label_studio: LabelStudio) -> None:
    key = jwt(jti="CANARY")
    with pytest.raises(ImageUnauthorized) as caught:
        await fetch(UPLOAD, label_studio_url=label_studio.address, label_studio_api_key=key)
    assert key not in str(caught.value)
    assert not isinstance(caught.value, NotAnImage)
