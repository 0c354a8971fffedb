from __future__ import annotations

import json

import httpx
import pytest

from benchmarks.session.__main__ import Habits, Session, table
from imaging.options import ImageOptions
from label_studio.tasks import ProjectTasks
from testing.project_server import Studio
from tests.benchmarks.printing import printed

HABITS = Habits(annotators=2, tasks=40, look_s=0.5, think_s=3.0, encode_s=1.0)


@pytest.mark.parametrize(("warm", "verdict"), [(0.95, "reached"), (0.949, "missed")])
def test_only_the_session_with_prefetch_has_a_goal(warm: float, verdict: str) -> None:
    on, off = Session(True, 40, warm, 10.0, 20.0, 5, [1, 7]), Session(False, 40, 0.0, 600.0, 900.0, 0, [1])
    shown = printed(table([on, off], HABITS))
    [line_on, line_off] = [line for line in shown.splitlines() if " 40 " in line]
    assert line_on.split()[-1] == verdict
    assert line_off.split()[-1] == "0"
    assert "tasks 1, 7." in shown


def test_two_annotators_never_get_the_same_task() -> None:
    with Studio(3, 80, 64) as studio:
        assert [studio.next_task() for _ in range(4)] == [1, 2, 3, None]


async def test_it_lists_to_our_client_what_is_behind_a_task_and_not_labelled() -> None:
    with Studio(6, 80, 64) as studio:
        studio.submit(3)
        options = ImageOptions.model_validate(
            {"label_studio_url": studio.url, "label_studio_api_key": "0" * 40}
        )
        tasks = ProjectTasks(options)
        found = await tasks.unlabelled_after("1", 2, 2)
        await tasks.aclose()
        assert [task.id for task in found] == [4, 5]
        assert studio.listed == 1


def test_its_pictures_are_pictures() -> None:
    with Studio(1, 80, 64) as studio:
        answer = httpx.get(f"{studio.url}/data/upload/1/1.jpg", trust_env=False)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content == studio.picture(2)
        query = json.dumps({"filters": {"items": [{"value": 0}]}})
        asked = {"query": query, "page_size": "10"}
        listed = httpx.get(f"{studio.url}/api/tasks", params=asked, trust_env=False).json()
        assert listed == {"tasks": [{"id": 1, "data": {"image": "/data/upload/1/1.jpg"}}], "total": 1}
