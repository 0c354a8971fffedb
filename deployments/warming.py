"""Images that nobody has clicked on yet are encoded ahead, in the background."""

from __future__ import annotations

from concurrency.ahead_places import ProjectPlaces
from deployments.calls.background import Background
from deployments.calls.decoder_client import DecoderClient
from deployments.calls.setup_tokens import SetupTokens
from deployments.http.reporter import Reporter
from deployments.prefetcher import Prefetcher
from imaging.options import ImageOptions
from label_studio.tasks import ProjectTasks
from protocol.bodies.predict import PredictBody
from values.errors import DeadlineExceeded, OtherVersion, Overloaded, ServiceError
from values.image import ImageSource
from values.priority import Priority


class Warming:
    """Has the decoders warm images.

    ``ahead``: places for those that nobody looks at. ``prefetch_tasks``: next tasks of a project, where Label
    Studio can be asked for them. One per ingress replica.
    """

    def __init__(
        self,
        decoders: DecoderClient,
        reporter: Reporter,
        ahead: ProjectPlaces,
        images: ImageOptions,
        tokens: SetupTokens,
        prefetch_tasks: int,
    ) -> None:
        self.background = Background(limit=256)
        self._decoders = decoders
        self._reporter = reporter
        self._ahead = ahead
        able = tokens.wanted or images.label_studio_api_key is not None
        count = prefetch_tasks if able else 0
        self._prefetcher = Prefetcher(count, ProjectTasks(images), self._next, tokens.of)

    def images(self, sources: list[ImageSource], *, opened: bool) -> None:
        """Have the images encoded; of an opened task the first is the one that somebody looks at."""
        for number, source in enumerate(sources):
            if opened and number == 0:
                self.background.start(self._warm(source, Priority.OPENED))
            else:
                self.background.start(self._next(source))

    def opened(self, body: PredictBody) -> None:
        """An annotator is at the first task of ``body``: have the next ones of its project encoded."""
        self._prefetcher.opened(body)

    async def _next(self, source: ImageSource) -> bool:
        """Have an image encoded ahead, when there is a place; False where that may succeed a little later."""
        async with self._ahead.of(source.project):
            return await self._warm(source, Priority.NEXT)

    async def _warm(self, source: ImageSource, priority: Priority) -> bool:
        try:
            await self._decoders.warm(source, priority)
        except ServiceError as error:
            self._reporter.failed_image("warm", error, source)
            return not isinstance(error, (Overloaded, DeadlineExceeded, OtherVersion))
        return True
