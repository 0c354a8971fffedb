"""Where what a detector saw in images is kept, as the settings of the backend say."""

from __future__ import annotations

from dataclasses import dataclass

from embeddings.options import DurableOptions
from finders.detector import known_version
from finders.options import FinderOptions
from imaging.options import ImageOptions
from segmenters.options import ModelOptions
from serve_app.cli.common_options import CommandError
from serve_app.settings import Settings


@dataclass(frozen=True, slots=True)
class Kept:
    """``images``: what the keys of images depend on. ``finder``: the version of the detector."""

    durable: DurableOptions
    images: ImageOptions
    finder: str

    @classmethod
    def of(cls, label_studio_url: str) -> Kept:
        """By the environment. Raises CommandError, SettingsError, ModelError."""
        settings = Settings()
        durable, images = settings.part(DurableOptions), settings.part(ImageOptions)
        if settings.finder == "none":
            raise CommandError(
                "FINDER is none, so that no detector looks at images; set it to that of the backend, such as "
                "owlv2_base"
            )
        if durable.durable is None:
            raise CommandError(
                "DURABLE is not set, so that nothing is kept to be searched; set it to the folder or bucket "
                "of the backend"
            )
        if images.label_studio_url is None:
            images = images.model_copy(update={"label_studio_url": label_studio_url.strip().rstrip("/")})
        version = known_version(settings.part(FinderOptions), settings.part(ModelOptions))
        return cls(durable, images, version)
