"""What an operator may choose about Label Studio: where it is, and what it is shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from label_studio.pages import site_of_page
from label_studio.tokens import not_whole
from net.addresses import ForbiddenUrl, parse_url
from net.options import NetOptions
from values.options import split_commas, unset_if_blank


def _address(value: str) -> str:
    """Label Studio's address without a slash at its end. Raises ValueError with a sentence."""
    value = value.strip().rstrip("/")
    if "://" not in value:
        raise ValueError("needs http:// or https:// in front")
    if (site := site_of_page(value)) is not None:
        raise ValueError(f"is the address of a page of Label Studio; the site's own is {site}")
    if "?" in value or "#" in value:
        raise ValueError("must be an address without ? and #")
    try:
        parse_url(value)
    except ForbiddenUrl as error:
        raise ValueError(str(error)) from None
    return value


class LabelStudioOptions(NetOptions):
    """The Label Studio whose tasks are clicked on, and the token that it is asked with."""

    label_studio_url: Annotated[str | None, BeforeValidator(unset_if_blank)] = Field(
        default=None,
        description="Label Studio's address as this service reaches it, path prefix included, for example "
        "http://label-studio:8080. Uploads and local files are read from there.",
    )
    label_studio_api_key: Annotated[SecretStr | None, BeforeValidator(unset_if_blank)] = Field(
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
        if trouble := not_whole(key):
            raise ValueError(trouble)
        return SecretStr(key)
