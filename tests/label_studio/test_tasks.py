from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from label_studio.tasks import ProjectTasks
from tests.imaging.servers import LabelStudio, Server, answer
from values.errors import ImageUnauthorized, ImageUnreachable

Make = Callable[..., ProjectTasks]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    made: list[ProjectTasks] = []

    def build(**options: Any) -> ProjectTasks:
        made.append(ProjectTasks(ImageOptions.model_validate(options)))
        return made[-1]

    yield build
    for each in made:
        await each.aclose()


def listing(body: bytes) -> Any:
    return answer(200, body, content_type="application/json")


async def test_the_tasks_behind_one_in_order(make: Make) -> None:
    async with LabelStudio(prefix="/studio") as label_studio:
        page = {
            "tasks": [{"id": 5, "data": {"image": "/é.png", "n": [1]}}, {"id": 7, "data": {}}],
            "total": 9,
        }
        label_studio.files["/api/tasks"] = b""
        label_studio.routes["/studio/api/tasks"] = listing(json.dumps(page).encode())
        key = label_studio.personal_token
        tasks = make(label_studio_url=label_studio.address, label_studio_api_key=key)
        found = await tasks.unlabelled_after("3", 4, 2)
        assert [(each.id, json.loads(each.data)) for each in found] == [
            (5, {"image": "/é.png", "n": [1]}),
            (7, {}),
        ]
        asked = parse_qs(urlsplit(label_studio.requests[-1].target).query)
    assert (asked["project"], asked["page_size"], asked["include"]) == (["3"], ["2"], ["id,data"])
    query = json.loads(asked["query"][0])
    assert query["ordering"] == ["tasks:id"]
    assert query["filters"] == {
        "conjunction": "and",
        "items": [
            {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": 4},
            {"filter": "filter:tasks:completed_at", "operator": "empty", "type": "Datetime", "value": True},
        ],
    }


async def test_nobody_is_asked_without_an_address_or_about_no_project(
    make: Make, label_studio: LabelStudio
) -> None:
    assert await make().unlabelled_after("3", 4, 2) == ()
    tasks = make(label_studio_url=label_studio.address)
    for project in ("", "3 OR 1=1", "../1", "³"):
        assert await tasks.unlabelled_after(project, 4, 2) == ()
    assert label_studio.requests == []


async def test_a_refused_token_is_named(make: Make, label_studio: LabelStudio) -> None:
    tasks = make(label_studio_url=label_studio.address, label_studio_api_key=label_studio.legacy_token)
    with pytest.raises(ImageUnauthorized, match="legacy token in LABEL_STUDIO_API_KEY"):
        await tasks.unlabelled_after("3", 4, 2)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"tasks": [{"id": "x"}]}', b'{"detail": "no"}'])
async def test_what_is_not_label_studio(make: Make, label_studio: LabelStudio, body: bytes) -> None:
    label_studio.files["/api/tasks"] = b""
    label_studio.routes["/api/tasks"] = listing(body)
    key = label_studio.personal_token
    tasks = make(label_studio_url=label_studio.address, label_studio_api_key=key)
    with pytest.raises(ImageUnreachable, match="LABEL_STUDIO_URL"):
        await tasks.unlabelled_after("3", 4, 2)


async def test_a_redirect_of_the_api_is_said_and_not_followed(
    make: Make, label_studio: LabelStudio, server: Server
) -> None:
    elsewhere = answer(302, location=f"{server.url}/api/tasks?secret=x")
    label_studio.files["/api/tasks"] = b""
    label_studio.routes["/api/tasks"] = elsewhere
    tasks = make(
        label_studio_url=label_studio.address,
        label_studio_api_key=label_studio.personal_token,
        image_hosts="*",
    )
    with pytest.raises(ImageUnreachable) as caught:
        await tasks.unlabelled_after("3", 4, 2)
    assert caught.value.detail == (
        f"{label_studio.address} redirects to {server.url}/api/tasks; give LABEL_STUDIO_URL the address it "
        "redirects to"
    )
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (403, ImageUnauthorized, "403 to the personal access token .* who may read project 3"),
        (404, ImageUnreachable, "Label Studio refused GET /api/tasks: HTTP 404$"),
        (500, ImageUnreachable, "Label Studio failed at GET /api/tasks: HTTP 500; its log says why$"),
    ],
)
async def test_a_refusal(
    make: Make, label_studio: LabelStudio, status: int, error: type[Exception], words: str
) -> None:
    label_studio.files["/api/tasks"] = b""
    label_studio.routes["/api/tasks"] = answer(status, b'{"detail": "CANARY"}')
    key = label_studio.personal_token
    tasks = make(label_studio_url=label_studio.address, label_studio_api_key=key)
    with pytest.raises(error, match=words):
        await tasks.unlabelled_after("3", 4, 2)


async def test_a_login_page_is_a_refused_token(make: Make, label_studio: LabelStudio) -> None:
    label_studio.files["/api/tasks"] = b""
    label_studio.routes["/api/tasks"] = answer(302, location="/user/login/?next=/api/tasks")
    key = label_studio.personal_token
    tasks = make(label_studio_url=label_studio.address, label_studio_api_key=key)
    with pytest.raises(ImageUnauthorized, match="asks for a login to the personal access token"):
        await tasks.unlabelled_after("3", 4, 2)


async def test_a_token_that_was_taken_back_is_made_anew(make: Make, label_studio: LabelStudio) -> None:
    page = json.dumps({"tasks": [], "total": 0}).encode()
    label_studio.files["/api/tasks"] = b""
    label_studio.routes["/api/tasks"] = listing(page)
    key = label_studio.personal_token
    tasks = make(label_studio_url=label_studio.address, label_studio_api_key=key)
    assert await tasks.unlabelled_after("3", 4, 2) == []
    label_studio.forget_access_tokens()
    assert await tasks.unlabelled_after("3", 4, 2) == []
    assert label_studio.refreshes == 2
