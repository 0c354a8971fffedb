from __future__ import annotations

from typing import Any

import pytest

from serve_app.lint.launcher import lint_launcher
from serve_app.lint.yaml import Finding

NODE: dict[str, Any] = {"resources": {"CPU": 1}, "node_config": {}}
RIGHT: dict[str, Any] = {
    "cluster_name": "a",
    "provider": {"type": "aws"},
    "head_node_type": "head",
    "available_node_types": {"head": NODE},
}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert lint_launcher(RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ({"max_worker": 3}, Finding("max_worker", "is not a known key; did you mean 'max_workers'?")),
        (
            {"available_node_types": {"head": {**NODE, "min_worker": 1}}},
            Finding(
                "available_node_types.head.min_worker", "is not a known key; did you mean 'min_workers'?"
            ),
        ),
        ({"max_workers": "3"}, Finding("max_workers", "'3' is not of type 'integer'")),
        (
            {"head_node_type": "haed"},
            Finding("head_node_type", "there is no node type 'haed'; did you mean 'head'?"),
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(wrong: dict[str, Any], finding: Finding) -> None:
    assert lint_launcher(RIGHT | wrong) == [finding]


@pytest.mark.parametrize("document", [None, 1, [], {}, {"available_node_types": 1, "cluster_name": []}])
def test_no_document_raises(document: Any) -> None:
    assert lint_launcher(document)
