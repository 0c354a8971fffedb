"""Every setting of this folder, with its bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from embeddings.durable_location import parse_place
from values.options import unset_if_blank


class DurableOptions(BaseModel):
    """Whether and where embeddings outlive the replicas that hold them, and for how long."""

    # A refused value may be an address with a secret in it: it must not be repeated in the error.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    durable: Annotated[str | None, BeforeValidator(unset_if_blank)] = Field(
        default=None,
        description="Where embeddings are kept across restarts: a folder, such as /cache/embeddings, or"
        " s3://bucket, gs://bucket or azure-blob://container (az:// too), optionally followed by a folder."
        " All nodes should see the same. Credentials come from each cloud's own variables where the"
        " decoders run. If not set, embeddings are kept only in memory.",
    )
    handover: Annotated[str | None, BeforeValidator(unset_if_blank)] = Field(
        default=None,
        description="Where `durable` is not set, a folder on a disk of this machine that holds the embeddings"
        " while the application runs, so that a decoder that takes another one's place has them at once."
        " `serve` makes one and removes it when it stops, unless the disk is small or in memory.",
    )
    handover_gib: float = Field(
        default=4,
        gt=0,
        le=1_000_000,
        description="GiB that the embeddings in `handover` may take. Beyond that, the oldest are removed.",
    )
    durable_gib: float = Field(
        default=100,
        gt=0,
        le=10_000_000,
        description="GiB that the embeddings kept in `durable` may take, of all models together. Beyond"
        " that, the oldest are removed.",
    )
    durable_days: float = Field(
        default=90,
        gt=0,
        le=36_500,
        description="Days after which an embedding is removed from `durable`.",
    )
    durable_timeout_s: float = Field(
        default=10,
        gt=0,
        le=600,
        description="Seconds that reading one embedding from `durable`, or writing it, may take. Then the"
        " image is encoded instead.",
    )

    @field_validator("durable")
    @classmethod
    def _check_durable(cls, value: str | None) -> str | None:
        if value is not None:
            parse_place(value)
        return value

    @field_validator("handover")
    @classmethod
    def _check_handover(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("/"):
            raise ValueError("must be a folder, from the root on")
        return value

    def tier(self) -> DurableOptions | None:
        """The options of the tier behind memory: in ``durable``, else in ``handover``, else None."""
        if self.durable is not None or self.handover is None:
            return self if self.durable is not None else None
        return self.model_copy(update={"durable": self.handover, "durable_gib": self.handover_gib})

    @property
    def durable_bytes(self) -> int:
        """``durable_gib`` in bytes."""
        return int(self.durable_gib * 2**30)

    @property
    def durable_s(self) -> float:
        """``durable_days`` in seconds."""
        return self.durable_days * 86_400
