from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from embeddings.options import DurableOptions


def test_off_by_default() -> None:
    assert DurableOptions().durable is None
    assert DurableOptions.model_validate({"durable": " "}).durable is None


def test_every_field_is_described_and_every_number_bounded() -> None:
    for name, field in DurableOptions.model_fields.items():
        assert field.description, name
        if field.annotation is float:
            assert len(field.metadata) == 2, name


@pytest.mark.parametrize("place", ["/cache/embeddings", "s3://bucket", "gs://bucket/a/b", "az://box/a"])
def test_places(place: str) -> None:
    assert DurableOptions.model_validate({"durable": f" {place}\n"}).durable == place


def test_bounds_in_the_units_of_the_code() -> None:
    options = DurableOptions.model_validate({"durable_gib": "0.5", "durable_days": 2})
    assert (options.durable_bytes, options.durable_s) == (2**29, 172_800)


@pytest.mark.parametrize(
    "values",
    [
        {"durable": "cache/embeddings"},
        {"durable": "/cache/../etc"},
        {"durable": "s3://key:CANARY@bucket/x"},
        {"durable": "s3://bucket/../x"},
        {"durable": "https://bucket.example.org/CANARY"},
        {"durable": "file:///cache"},
        {"durable_gib": 0},
        {"durable_days": -1},
        {"durable_timeout_s": 0},
        {"unknown": "CANARY"},
    ],
)
def test_refused_without_repeating_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        DurableOptions.model_validate(values)
    assert "key:CANARY" not in str(caught.value)


def test_a_folder_for_a_handover_counts_where_nothing_durable_is_set() -> None:
    assert DurableOptions().tier() is None
    handover = DurableOptions(handover="/handover", handover_gib=2).tier()
    assert handover is not None
    assert (handover.durable, handover.durable_gib) == ("/handover", 2)
    durable = DurableOptions(handover="/handover", durable="/durable").tier()
    assert durable is not None
    assert (durable.durable, durable.durable_gib) == ("/durable", 100)


@pytest.mark.parametrize("place", ["s3://bucket", "relative/folder"])
def test_a_handover_lies_on_this_machine(place: str) -> None:
    with pytest.raises(ValidationError, match="must be a folder"):
        DurableOptions(handover=place)
