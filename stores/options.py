"""What an operator may choose about object stores."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from net.options import NetOptions
from stores.buckets import parse_store
from values.options import split_commas


class StoreOptions(NetOptions):
    """Which object stores are read directly."""

    image_stores: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        default=(),
        description="Cloud stores that are read directly, comma-separated: s3://bucket, gs://bucket or "
        "azure-blob://container, each with a folder behind it if only that may be read. Their credentials "
        "come from each cloud's own variables where the fetchers run. Other objects come by way of Label "
        "Studio.",
    )

    @field_validator("image_stores")
    @classmethod
    def _check_stores(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_store(entry)
        return value
