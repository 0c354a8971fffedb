"""An ingress whose deployments are faked, and its client."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import numpy as np

from deployments.calls.large_values import Reference
from deployments.claims import Claims
from deployments.http.request_guard import ADDRESS
from deployments.ingress import Ingress
from deployments.options import IngressOptions
from deployments.retrieved import Retrievals, Retrieved
from deployments.saved_without_mask import SavedAnnotations, SavedWithoutMask
from imaging.options import ImageOptions
from protocol.click import Click
from protocol.everything import WholePicture
from protocol.finding import Find
from protocol.options import ReadOptions
from protocol.regions import encode
from segmenters import registry
from segmenters.options import ModelOptions
from testing.deployment_fakes import Handle
from values.box_masks import BoxMasks
from values.click_answer import Busy, ClickAnswer, QueueState
from values.errors import ImageUnauthorized
from values.image import ImageSource
from values.priority import Priority
from values.prompt import Prompt

REGION = {"id": "0123456789", "type": "brushlabels", "value": {"brushlabels": ["Object"]}}


class Graph:
    """What is behind the door: remembers what it was asked, answers or fails as told."""

    def __init__(self) -> None:
        self.clicks: list[tuple[str, Click]] = []
        self.warmed: list[tuple[str, ImageSource]] = []
        self.finds: list[tuple[str, Find]] = []
        self.found_ahead: list[bool] = []
        self.examples: list[tuple[ImageSource, tuple[float, ...], Priority]] = []
        self.finders = ["owlv2-1"]
        self.phrases: list[tuple[tuple[str, ...], str]] = []
        self.failures: list[Any] = []
        self.warnings: dict[str, list[str]] = {}
        self.saved = SavedAnnotations()
        self.tokens: dict[str, str] = {}
        self.configs: dict[str, str] = {}
        self.regions: list[dict[str, Any]] = [REGION]
        self.priorities: list[Priority] = []
        self.annotated: list[tuple[str, Click, Priority, bool]] = []
        self.empty: set[int] = set()
        self.explored: list[tuple[WholePicture, Priority]] = []
        self.found = 2
        self.held_tasks: set[int] = set()
        self.claims = Claims()
        self.retrievals = Retrievals()
        self.storing = 0
        self.most_storing = 0
        self.left_s: list[float] = []
        self.error: Exception | None = None
        self.version = "classical-3"
        self.queue = QueueState("decoder", 0.0, 0.1, 1.5)
        self.busy = False
        self.during_click: Callable[[], None] = lambda: None
        self.admission = asyncio.Event()
        self.admission.set()
        self.stored: set[str] = set()
        self.seen: set[str] = set()
        self.forgetting: list[str] = []
        self.decoder = Handle(
            {
                "click": self._click,
                "find": self._find,
                "find_masks": self._find_masks,
                "example": self._example,
                "warm": self._warm,
                "store": self._store,
                "annotate": self._annotate,
                "everything": self._everything,
                "forget": self._forget,
                "ready": self._ready,
            }
        )
        self.fetcher = Handle({"check": self._check})
        self.finder = Handle({"vectors": self._vectors})
        self.journal = Handle(
            {
                "record": self._record,
                "warn": self._warn,
                "offer": self._offer,
                "configure": self._configure,
                "configured": self._configured,
                "failures": self._failures,
                "warnings": self._warnings,
                "saved": self._saved,
                "saved_without_mask": self._saved_without_mask,
                "claim": self._claim,
                "hold": self._hold,
                "retrieved": self._retrieved,
                "retrievals": self._retrievals,
            }
        )

    async def _click(self, key: str, click: Click, reference: Reference, left_s: float) -> ClickAnswer | Busy:
        assert reference == []
        self.left_s.append(left_s)
        self.clicks.append((key, click))
        self.during_click()
        if self.error is not None:
            raise self.error
        if self.busy:
            return Busy(self.queue)
        regions = [dict(region) for region in self.regions]
        seconds = {"embedding": 0.0, "decode": 0.001}
        return ClickAnswer(regions, 0.9, True, seconds, self.version, self.queue)

    async def _find(self, key: str, find: Find, reference: Reference, left_s: float) -> ClickAnswer:
        assert reference == []
        self.finds.append((key, find))
        if self.error is not None:
            raise self.error
        regions = [dict(region) for region in self.regions]
        seconds = {"embedding": 0.0, "decode": 0.001}
        return ClickAnswer(regions, 0.4, True, seconds, f"owlv2-1+{self.version}", self.queue)

    async def _find_masks(
        self, key: str, find: Find, reference: Reference, left_s: float, priority: Priority
    ) -> BoxMasks:
        """The whole picture for each phrase and example; ``held_tasks`` have to wait."""
        assert reference == []
        self.finds.append((key, find))
        self.priorities.append(priority)
        if not self.held_tasks or find.image.task in self.held_tasks:
            await self.admission.wait()
        if self.error is not None:
            raise self.error
        things = len(find.classes) * (self.found > 0)
        classes = np.array(find.classes[:things], np.intp)
        click = find.click(np.tile((0.0, 0.0, 1.0, 1.0), (things, 1)), classes, (4, 3))
        regions = []
        if click is not None:
            mask = np.ones((3, 4), np.bool_)
            regions = [encode(mask, 0.5, click, output=output) for output in click.outputs]
        return BoxMasks(regions, [0.5] * len(regions), f"owlv2-1+{self.version}")

    async def _example(
        self,
        key: str,
        source: ImageSource,
        box: tuple[float, ...],
        reference: Reference,
        left_s: float,
        priority: Priority,
    ) -> tuple[str, Any]:
        """A vector that has the box in it."""
        assert reference == []
        self.examples.append((source, box, priority))
        if self.error is not None:
            raise self.error
        return self.finders[len(self.examples) % len(self.finders)], np.array(box, np.float32)

    async def _warm(
        self,
        key: str,
        source: ImageSource,
        reference: Reference,
        priority: Priority,
        left_s: float,
        find: bool,
    ) -> bool:
        assert reference == []
        self.found_ahead.append(find)
        self.priorities.append(priority)
        self.warmed.append((key, source))
        await self.admission.wait()
        if self.error is not None:
            raise self.error
        return False

    async def _store(
        self, key: str, source: ImageSource, reference: Reference, left_s: float, find: bool
    ) -> bool:
        self.storing += 1
        self.most_storing = max(self.most_storing, self.storing)
        await self.admission.wait()
        self.storing -= 1
        if self.error is not None:
            raise self.error
        there = key in self.stored
        self.stored.add(key)
        if find:
            self.seen.add(key)
        return there

    async def _annotate(
        self, key: str, click: Click, reference: Reference, left_s: float, priority: Priority, keep: bool
    ) -> BoxMasks:
        """The whole picture for each prompt, but for those in ``empty``; ``held_tasks`` have to wait."""
        self.annotated.append((key, click, priority, keep))
        if not self.held_tasks or click.image.task in self.held_tasks:
            await self.admission.wait()
        if self.error is not None:
            raise self.error
        mask = np.ones((click.height, click.width), np.bool_)
        regions = [
            [] if number in self.empty else encode(mask, 0.5, click, output=output)
            for number, output in enumerate(click.outputs)
        ]
        return BoxMasks(regions, [0.5] * len(regions), self.version)

    async def _everything(
        self, key: str, picture: WholePicture, reference: Reference, left_s: float, priority: Priority
    ) -> BoxMasks:
        """So many masks of the whole picture as ``found`` says; ``held_tasks`` have to wait."""
        self.explored.append((picture, priority))
        if not self.held_tasks or picture.image.task in self.held_tasks:
            await self.admission.wait()
        if self.error is not None:
            raise self.error
        click = picture.click(Prompt(), 4, 3)
        regions = [encode(np.ones((3, 4), np.bool_), 0.5, click) for _ in range(self.found)]
        return BoxMasks(regions, [0.5] * len(regions), self.version)

    async def _forget(self, key: str) -> bool:
        if self.error is not None:
            raise self.error
        self.forgetting.append(key)
        there = key in self.stored
        self.stored.discard(key)
        return there

    async def _vectors(self, phrases: Sequence[str], version: str) -> Any:
        """The length of each phrase; ``admission`` may have to be waited for."""
        self.phrases.append((tuple(phrases), version))
        await self.admission.wait()
        if self.error is not None:
            raise self.error
        return np.array([[len(phrase), 0.1] for phrase in phrases], np.float32)

    async def _ready(self) -> str:
        return "ready"

    async def _check(self) -> str:
        raise ImageUnauthorized("Label Studio answered 401")

    async def _record(self, failure: Any) -> None:
        self.failures.append(failure)

    async def _warn(self, project: str, sentences: list[str]) -> None:
        self.warnings[project] = sentences

    async def _offer(self, project: str, token: str) -> None:
        self.tokens[project] = token

    async def _configure(self, project: str, label_config: str) -> None:
        self.configs[project] = label_config

    async def _configured(self, project: str) -> str | None:
        return self.configs.get(project)

    async def _failures(self, project: str | None) -> dict[str, list[Any]]:
        return {"3": self.failures}

    async def _saved(self, project: str, annotations: list[int], found: SavedWithoutMask | None) -> None:
        self.saved.saved(project, annotations, found)

    async def _saved_without_mask(self, project: str | None) -> dict[str, list[SavedWithoutMask]]:
        return self.saved.of(project)

    async def _claim(self, project: str, tasks: list[int], seconds: float) -> list[int]:
        return self.claims.take(project, tasks, seconds)

    async def _hold(self, project: str, tasks: list[int], seconds: float) -> None:
        self.claims.hold(project, tasks, seconds)

    async def _retrieved(self, retrieved: Retrieved) -> None:
        self.retrievals.add(retrieved)

    async def _retrievals(self, project: str | None) -> dict[str, list[Retrieved]]:
        return self.retrievals.of(project)

    async def _warnings(self, project: str | None) -> dict[str, list[str]]:
        return self.warnings


class Door:
    """An ingress, its client and the graph behind it."""

    def __init__(
        self,
        images: dict[str, Any] | None = None,
        retrieve: str = "boxes",
        reading: dict[str, Any] | None = None,
        finder: str = "",
        **options: Any,
    ) -> None:
        self.graph = Graph()
        self.ingress = Ingress(
            IngressOptions(**options),
            ImageOptions.model_validate({"label_studio_url": "http://127.0.0.1:8080", **(images or {})}),
            ReadOptions.model_validate({"retrieve": retrieve, **(reading or {})}),
            replace(registry.choose(ModelOptions(model="classical")).served, finder=finder),
            self.graph.decoder,
            self.graph.fetcher,
            self.graph.journal,
            self.graph.finder,
        )
        app = self.ingress.__serve_build_asgi_app__()

        async def entrance(scope: Any, receive: Any, send: Any) -> None:
            scope[ADDRESS] = dict(scope["headers"]).get(b"x-client-address", b"127.0.0.1").decode()
            await app(scope, receive, send)

        transport = httpx.ASGITransport(entrance)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def post(self, path: str, body: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content)

    async def settle(self) -> None:
        await self.ingress.warming.background.drain()
        await self.ingress.retrieval.background.drain()
        await self.ingress.reporter.background.drain()
