from __future__ import annotations

import json

import pytest

from protocol.bodies.annotation import REGION_LIMIT, read_annotation, split_annotations
from testing.label_studio_requests import captured
from values.errors import BadRequest


def test_reads_what_label_studio_stores() -> None:
    body = json.dumps([captured("webhook_annotation_created")["annotation"]]).encode()
    [stored] = [read_annotation(each) for each in split_annotations(body)]
    assert (stored.id, stored.was_cancelled) == (1, False)
    assert [item.type for item in stored.result or ()] == ["keypointlabels"]


def test_an_annotation_may_have_no_result() -> None:
    assert read_annotation(b'{"id":1,"result":null}').result is None
    assert read_annotation(b'{"id":1}').result is None


@pytest.mark.parametrize(
    "text", [b"null", b'{"result":[]}', b'{"id":1,"result":[1]}', b"{", b'{"id":1,"result":[{}]}']
)
def test_what_is_no_annotation_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match="the annotation"):
        read_annotation(text)


def test_more_regions_than_an_editor_shows_are_not_read() -> None:
    few = b",".join([b'{"type":"x"}'] * REGION_LIMIT)
    assert len(read_annotation(b'{"id":1,"result":[%s]}' % few).result or ()) == REGION_LIMIT
    with pytest.raises(BadRequest, match="over 20000 regions"):
        read_annotation(b'{"id":1,"result":[%s,{}]}' % few)


def test_a_list_that_is_none() -> None:
    with pytest.raises(BadRequest, match="the list of annotations"):
        split_annotations(b'{"detail":"x"}')
