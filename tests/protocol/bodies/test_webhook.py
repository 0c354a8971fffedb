from __future__ import annotations

import pytest

from protocol.bodies.annotation import read_annotation
from protocol.bodies.task import TASK_LIMIT
from protocol.bodies.webhook import DELETED_LIMIT, read_webhook
from protocol.click import read_images
from tests.protocol.support import capture_bytes
from values.errors import BadRequest


@pytest.mark.parametrize(
    ("name", "action", "tasks"),
    [
        ("webhook_annotation_created", "ANNOTATION_CREATED", 1),
        ("webhook_annotations_deleted", "ANNOTATIONS_DELETED", 0),
        ("webhook_tasks_created", "TASKS_CREATED", 1),
        ("webhook_start_training", "START_TRAINING", 0),
    ],
)
def test_reads_real_webhooks(name: str, action: str, tasks: int) -> None:
    body = read_webhook(capture_bytes(name))
    assert (body.action, body.about.project_id, len(body.about.tasks)) == (action, "1", tasks)
    assert body.about.label_config is not None
    assert len(read_images(body.about, 10)) == tasks


def test_webhook_needs_an_action_only() -> None:
    assert read_webhook(b'{"action":"PROJECT_DELETED","project":4}').about.project_id == "4"
    assert read_webhook(b'{"action":"X"}').about.project_id == ""
    with pytest.raises(BadRequest, match="`action`"):
        read_webhook(b'{"project":{"id":1}}')


def test_a_webhook_may_have_as_many_tasks_as_a_request() -> None:
    tasks = b",".join([b"{}"] * TASK_LIMIT)
    assert len(read_webhook(b'{"action":"X","tasks":[%s]}' % tasks).about.tasks) == TASK_LIMIT
    with pytest.raises(BadRequest, match="over 10000 tasks; send fewer"):
        read_webhook(b'{"action":"X","tasks":[%s,{}]}' % tasks)


def test_what_was_submitted_and_what_is_gone() -> None:
    assert read_annotation(read_webhook(capture_bytes("webhook_annotation_created")).annotation).id == 1
    assert read_webhook(capture_bytes("webhook_annotations_deleted")).deleted == (1,)
    for odd in (
        b"null",
        b"3",
        b'[{"id":"x"}]',
        b"[1]",
        b"[%s]" % b",".join([b'{"id":1}'] * (DELETED_LIMIT + 1)),
    ):
        assert read_webhook(b'{"action":"X","annotations":%s}' % odd).deleted == ()
