"""What an operator may choose about the deployments themselves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from embeddings.memory import Precision
from values.options import EverythingOptions


class WaitOptions(BaseModel):
    """What admission and the decoders both go by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_wait_s: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="Seconds that a click may wait for its turn to be decoded. One that would wait longer, by"
        " what is queued and what a decode takes here, is refused at once with 503.",
    )


class IngressOptions(WaitOptions):
    """The ingress: who may enter, how much they may bring, how long they wait."""

    workers: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Ingress replicas: processes that read requests. With two, no click is lost if one dies.",
    )
    basic_auth_user: str | None = Field(
        default=None,
        description="User that every request must name, without a colon; needs `basic_auth_pass`.",
    )
    basic_auth_pass: SecretStr | None = Field(default=None, description="Password of `basic_auth_user`.")
    max_body_mib: int = Field(
        default=100,
        ge=1,
        le=1024,
        description="Largest request body in MiB; larger ones are refused with 413.",
    )
    predict_timeout_s: float = Field(
        default=90,
        gt=0,
        le=3600,
        description="Seconds a click may take in all before it is given up with 504. Label Studio waits 100.",
    )
    warm_images: int = Field(
        default=16,
        ge=0,
        le=1000,
        description="Images of one request without a prompt (an opened task, retrieved predictions) that are"
        " encoded ahead in the background; 0 turns that off.",
    )

    prefetch_tasks: int = Field(
        default=4,
        ge=0,
        le=50,
        description="Unlabelled tasks behind an opened or submitted one whose images are encoded ahead, in"
        " Label Studio's order; 0 turns that off. Needs label_studio_url and a token.",
    )

    pages: bool = Field(
        default=True,
        description="Pages for browsers at `/`, `/playground`, `/diagnose` and `/docs`; `off` leaves what"
        " programs ask for.",
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> IngressOptions:
        if bool(self.basic_auth_user) != bool(self.basic_auth_pass):
            names = ("basic_auth_user", "basic_auth_pass")
            there, missing = names if self.basic_auth_user else reversed(names)
            raise ValueError(
                f"basic auth needs both {names[0]} and {names[1]}; {there.upper()} is set and "
                f"{missing.upper()} is not"
            )
        if ":" in (self.basic_auth_user or ""):
            raise ValueError(
                "a user name with a colon cannot be sent by basic auth; choose another basic_auth_user"
            )
        return self


class DecoderOptions(WaitOptions, EverythingOptions):
    """The decoder replicas: how much they keep, how many clicks they decode at once, what a grid finds."""

    threads: int = Field(
        default=2, ge=1, le=256, description="Clicks that a decoder replica decodes at once."
    )
    candidates: Literal["best", "all"] = Field(
        default="best",
        description="What a single click or box gives: the `best` of the model's masks, or `all` of them,"
        " best first, for the annotator to choose from.",
    )
    cache_mib: int = Field(
        default=512,
        ge=1,
        description="MiB of image embeddings that one decoder replica keeps in its own memory.",
    )
    cache_precision: Precision = Field(
        default="float32",
        description="`float16` keeps twice as many embeddings; docs/performance.md says what it costs.",
    )
    refine: bool = Field(
        default=True,
        description="Each further click refines the mask of the clicks before it, as the models were trained;"
        " off, all clicks are decoded at once.",
    )
    refine_mib: int = Field(
        default=64,
        ge=1,
        description="MiB of earlier masks that one decoder replica keeps to refine, 0.25 MiB each. What is"
        " not kept is decoded again.",
    )
    prepared_mib: int = Field(
        default=300,
        ge=0,
        description="MiB of what one decoder replica computes of the images that were clicked last, so that"
        " their next objects take less time: 36 MiB an image for SAM, 52 for HQ-SAM, 60 for SAM 2. 0 turns it"
        " off.",
    )
    encode_ahead: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Images that one decoder replica has encoded ahead at once. Clicks do not wait for them.",
    )
    recheck_s: float = Field(
        default=60,
        ge=0,
        description="Seconds after which the image's host is asked again whether the image was replaced,"
        " without a download; clicks do not wait for that. 0: never.",
    )
    max_waiters: int = Field(
        default=256,
        ge=1,
        description="Requests that may wait for the embedding of one image; more are refused with 503.",
    )
    encode_timeout_s: float = Field(
        default=85, gt=0, le=3600, description="Seconds that fetching and encoding one image may take in all."
    )


class EncoderOptions(BaseModel):
    """The encoder replicas."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encode_batch: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Images that an encoder replica on a GPU encodes at once, if so many wait; 1 on a CPU.",
    )
