"""What an operator may choose about finding things by a phrase or by an example."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from segmenters.options import Device


class FinderOptions(BaseModel):
    """The detector, where it computes, and what it answers with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    finder: Literal["none", "owlv2_base", "owlv2_large"] = Field(
        default="none",
        description="The detector that finds all things that a phrase names, or that look like an example."
        " See docs/find.md. `none`: nothing is downloaded or loaded, and nobody can ask for that.",
    )
    finder_device: Device = Field(
        default="auto",
        description="Where the detector looks at images: `cpu`, `cuda`, `cuda:N`; `auto` takes a GPU where"
        " its replica has one. A config gives it one by `num_gpus` of the deployment `Finder`.",
    )
    finder_threshold: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Score above which a thing is found, where the control has no `model_score_threshold`.",
    )
    find_limit: int = Field(
        default=100,
        ge=1,
        le=300,
        description="Regions of one answer to a phrase or an example, the best ones.",
    )
    found_mib: int = Field(
        default=64,
        ge=1,
        description="MiB of what the detector saw in images that one decoder replica keeps in its own memory,"
        " about 0.3 MiB an image.",
    )
