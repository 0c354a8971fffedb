"""What an operator may choose about images: where they may come from, and how much one may cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from label_studio.options import LabelStudioOptions
from stores.options import StoreOptions
from values.options import PixelLimit, unset_if_blank


class ImageOptions(LabelStudioOptions, StoreOptions, PixelLimit):
    """Where images may come from, and how much one image may cost."""

    local_files_document_root: Annotated[Path | None, BeforeValidator(unset_if_blank)] = Field(
        default=None,
        description="Label Studio's LOCAL_FILES_DOCUMENT_ROOT as mounted here. When set, local-files images "
        "are read from this folder without HTTP, and any task may name any image in it.",
    )
    decode_timeout_s: float = Field(
        default=30, gt=0, le=600, description="Seconds after which decoding an image is given up."
    )

    @property
    def cautions(self) -> list[str]:
        """Sentences that warn the operator of risky settings when the application starts."""
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
