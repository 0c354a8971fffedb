"""Every setting of this folder, with its bounds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from imaging.addresses import ForbiddenUrl, parse_allowed, parse_url
from imaging.buckets import parse_store
from values.commas import split_commas
from values.pixel_limit import PixelLimit


def _unset_if_blank(value: Any) -> Any:
    """A variable that is set but empty, as compose files leave them, means: not set."""
    return None if isinstance(value, str) and not value.strip() else value


def _address(value: str) -> str:
    """Label Studio's address without a slash at its end. Raises ValueError with a sentence."""
    value = value.strip().rstrip("/")
    if "://" not in value:
        raise ValueError("needs http:// or https:// in front")
    if "?" in value or "#" in value:
        raise ValueError("must be an address without ? and #")
    try:
        parse_url(value)
    except ForbiddenUrl as error:
        raise ValueError(str(error)) from None
    return value


class ImageOptions(PixelLimit, extra="forbid"):
    """Where images may come from and how much of anything one image may take."""

    # A refused value may be a token or hold one: it must not be repeated in the error.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    label_studio_url: Annotated[str | None, BeforeValidator(_unset_if_blank)] = Field(
        default=None,
        description="Label Studio's address as this service reaches it, path prefix included, for example "
        "http://label-studio:8080. Uploads and local files are read from there.",
    )
    label_studio_api_key: Annotated[SecretStr | None, BeforeValidator(_unset_if_blank)] = Field(
        default=None,
        description="A Label Studio token: a personal access token, or a legacy token where those are "
        "enabled. It is sent to label_studio_url's scheme, host and port and nowhere else.",
    )
    label_studio_aliases: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        default=(),
        description="Other addresses of the same Label Studio, comma-separated, as tasks may carry them: its "
        "own LABEL_STUDIO_HOST, what browsers call it. Files named by them are read from label_studio_url.",
    )
    use_setup_token: bool = Field(
        default=False,
        description="Without label_studio_api_key, read a project's images with the token that Label Studio "
        "sends when the backend is connected: the legacy token of the project's creator, which works only "
        "where legacy tokens are enabled.",
    )
    image_hosts: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        default=("public",),
        description="Where images may come from besides Label Studio, comma-separated: host (ports 80 and "
        "443), host:port, the word public (any globally routable address, ports 80 and 443), or * for "
        "anything at all, which lets anyone who can write a task probe your network.",
    )
    image_stores: Annotated[tuple[str, ...], BeforeValidator(split_commas)] = Field(
        default=(),
        description="Cloud stores that are read directly, comma-separated: s3://bucket, gs://bucket or "
        "azure-blob://container, each with a folder behind it if only that may be read. Their credentials "
        "come from each cloud's own variables where the fetchers run. Other objects come by way of Label "
        "Studio.",
    )
    image_proxy: Annotated[SecretStr | None, BeforeValidator(_unset_if_blank)] = Field(
        default=None,
        description="An HTTP proxy for images of public hosts, for example http://proxy:3128. Label Studio "
        "and hosts that image_hosts names are reached without it. HTTP_PROXY and its like are not used.",
    )
    local_files_document_root: Annotated[Path | None, BeforeValidator(_unset_if_blank)] = Field(
        default=None,
        description="Label Studio's LOCAL_FILES_DOCUMENT_ROOT as mounted here. When set, local-files images "
        "are read from this folder without HTTP, and any task may name any image in it.",
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
    decode_timeout_s: float = Field(
        default=30, gt=0, le=600, description="Seconds after which decoding an image is given up."
    )

    @field_validator("label_studio_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        return None if value is None else _address(value)

    @field_validator("label_studio_aliases")
    @classmethod
    def _check_aliases(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_address(alias) for alias in value)

    @field_validator("label_studio_api_key")
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        # Read from a file, a token often ends with a newline; anywhere else it would split the header.
        key = value.get_secret_value().strip()
        if not all("!" <= character <= "~" for character in key):
            raise ValueError("holds characters that no Label Studio token has")
        return SecretStr(key)

    @field_validator("image_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_allowed(entry)
        return value

    @field_validator("image_stores")
    @classmethod
    def _check_stores(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_store(entry)
        return value

    @field_validator("image_proxy")
    @classmethod
    def _check_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        # It may hold a user and a password, which parse_url refuses in the address of an image.
        if value is not None and not re.match(r"https?://[^/?#\s]+/?$", value.get_secret_value()):
            raise ValueError(
                "must be http://host:port, with user:password@ before the host if it asks for them"
            )
        return value

    @property
    def cautions(self) -> list[str]:
        """What an operator should know about these settings when the application starts, in sentences."""
        said = []
        if "*" in self.image_hosts:
            said.append(
                "IMAGE_HOSTS has a *: images come from any address, and whoever can write a task can make "
                "this service ask any machine that it reaches; name the hosts instead"
            )
        if self.use_setup_token and self.label_studio_url is None:
            said.append(
                "USE_SETUP_TOKEN does nothing without LABEL_STUDIO_URL, which says where it may be sent"
            )
        return said

    @property
    def max_image_bytes(self) -> int:
        """``max_image_mib`` in bytes."""
        return int(self.max_image_mib * 2**20)
