"""Every setting of the application: the one reference for YAML ``args:`` and for the environment.

The options of the floors below are mixed in, so that the YAML stays flat and each option is described where
it is used. The environment wins over the YAML: a container is configured by variables, a file holds the
defaults. A setting's variable is its name in capitals.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Literal, Self, TypeVar, get_args, get_origin

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from deployments.options import DecoderOptions, EncoderOptions, IngressOptions
from embeddings.options import DurableOptions
from finders.options import FinderOptions
from imaging.options import ImageOptions
from protocol.options import ReadOptions, RegionOptions
from segmenters.options import ModelOptions
from serve_app.settings_errors import sentences

# Variables of Label Studio and of its example backends that name one of our settings.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "label_studio_url": ("label_studio_host",),
    "label_studio_api_key": ("label_studio_access_token",),
    "sam2_config": ("model_config",),
    "checkpoint": ("model_checkpoint",),
    "local_files_document_root": ("label_studio_local_files_document_root",),
}

Part = TypeVar("Part", bound=BaseModel)


def _names(field: str) -> AliasChoices:
    return AliasChoices(field, *SYNONYMS.get(field, ()))


class AllOptions(
    ModelOptions,
    ImageOptions,
    ReadOptions,
    RegionOptions,
    IngressOptions,
    DecoderOptions,
    EncoderOptions,
    DurableOptions,
    FinderOptions,
    BaseSettings,
):
    """All settings, with pydantic's own errors; an unknown one is refused with the nearest known name."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
        enable_decoding=False,
        env_ignore_empty=True,
        alias_generator=AliasGenerator(validation_alias=_names),
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="How much the deployments log."
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="`json`: each record is a line of JSON, in Ray's log files and, as it comes, on stderr.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then what the YAML or the caller gives."""
        return env_settings, init_settings

    @model_validator(mode="before")
    @classmethod
    def _known_names_only(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = {*cls.model_fields, *(synonym for names in SYNONYMS.values() for synonym in names)}
        for name in given:
            if name.lower() not in known:
                raise ValueError(f"there is no setting {name!r}{nearest(name, known)}")
        return {name: cls._as_written(name.lower(), value) for name, value in given.items()}

    @model_validator(mode="after")
    def _with_what_finds(self) -> Self:
        if self.retrieve == "find" and self.finder == "none":
            raise ValueError(
                "RETRIEVE=find needs a detector, and FINDER is none; set FINDER to owlv2_base (docs/find.md),"
                " or RETRIEVE to something else"
            )
        return self

    @classmethod
    def _as_written(cls, name: str, value: Any) -> Any:
        """``value``, or the word of a setting's choice that it is but for capitals and spaces around it."""
        field = cls.model_fields.get(name)
        if field is None or not isinstance(value, str):
            return value
        choices = (
            each for each in (field.annotation, *get_args(field.annotation)) if get_origin(each) is Literal
        )
        words = {str(word).lower(): word for each in choices for word in get_args(each)}
        return words.get(value.strip().lower(), value)

    def part(self, options: type[Part]) -> Part:
        """The options of one floor, cut out of the whole."""
        return options.model_validate({name: getattr(self, name) for name in options.model_fields})


class SettingsError(Exception):
    """Settings that cannot be served with; its arguments are a sentence for each."""

    def __str__(self) -> str:
        """All of them on one line, as it is wanted at the end of a traceback."""
        return " ".join(map(str, self.args))


class Settings(AllOptions):
    """All settings as the application is built with them.

    Raises ``SettingsError`` in place of pydantic's error: whatever is refused is said in sentences.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _in_sentences(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            raise SettingsError(*sentences(error, cls.model_fields, SYNONYMS)) from None


def _secrets() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if SecretStr in (field.annotation, *get_args(field.annotation)):
            yield from (name, *SYNONYMS.get(name, ()))


SECRETS = frozenset(_secrets())
"""Settings that belong in the environment: Ray logs the ``args:`` of a config in clear text."""


def variables() -> set[str]:
    """Every environment variable that sets a setting."""
    synonyms = (name for names in SYNONYMS.values() for name in names)
    return {name.upper() for name in (*Settings.model_fields, *synonyms)}


def nearest(name: str, known: set[str], *, alike: float = 0.5) -> str:
    """`; did you mean ...?` with the known name most like ``name``, or nothing when none is like it.

    ``alike``: how much of both must agree, from 0 to 1.
    """
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=alike)
    return f"; did you mean {close[0]!r}?" if close else ""
