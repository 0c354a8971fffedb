"""What an operator may choose about requests for images: where they go, by which proxy, for how long."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from net.addresses import parse_allowed
from values.options import split_commas, unset_if_blank


class NetOptions(BaseModel):
    """Where requests for images may go, and how much time and memory one may take."""

    # A refused value may be a token or hold one: it must not be repeated in the error.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    image_hosts: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        default=("public",),
        description="Where images may come from besides Label Studio, comma-separated: host (ports 80 and "
        "443), host:port, the word public (any globally routable address, ports 80 and 443), or * for "
        "anything at all, which lets anyone who can write a task probe your network.",
    )
    image_proxy: Annotated[SecretStr | None, BeforeValidator(unset_if_blank)] = Field(
        default=None,
        description="An HTTP proxy for images of public hosts, for example http://proxy:3128. Label Studio "
        "and hosts that image_hosts names are reached without it. HTTP_PROXY and the like are not used.",
    )
    max_image_mib: float = Field(
        default=100, gt=0, le=2048, description="Most MiB one image may have, as a file and after HTTP gzip."
    )
    connect_timeout_s: float = Field(
        default=5, gt=0, le=600, description="Seconds to resolve a host's name and to connect to it."
    )
    read_timeout_s: float = Field(
        default=15, gt=0, le=600, description="Longest silence of a host while it answers, in seconds."
    )
    image_timeout_s: float = Field(
        default=60,
        gt=0,
        le=3600,
        description="Seconds for getting the bytes of one image, token and redirects included.",
    )

    @field_validator("image_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_allowed(entry)
        return value

    @field_validator("image_proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        # It may hold a user and a password, which parse_url refuses in the address of an image.
        if value is not None and not re.match(r"https?://[^/?#\s]+/?$", value.get_secret_value()):
            raise ValueError(
                "must be http://host:port, with user:password@ before the host if it requires them"
            )
        return value

    @property
    def max_image_bytes(self) -> int:
        """``max_image_mib`` in bytes."""
        return int(self.max_image_mib * 2**20)
