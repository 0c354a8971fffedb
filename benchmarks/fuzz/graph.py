"""What is behind the ingress that is fuzzed: no model and no images, but real encoding of regions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deployments.ingress import Ingress
from deployments.options import IngressOptions
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
from values.click_answer import ClickAnswer, QueueState
from values.errors import BadPrompt, ImageError, error_classes
from values.image import ImageSource
from values.priority import Priority
from values.prompt import Prompt

_IMAGE_ERRORS = tuple(error_classes(ImageError))
_QUEUE = QueueState("decoder", 0.0, 0.001, 0.1)
_MOST_PIXELS = 2_000_000  # of a mask that is made here; clicks on larger pictures get an empty mask


class Graph:
    """The handles of an ingress. One image in eight cannot be read, always the same ones."""

    def __init__(self) -> None:
        self.decoder = Handle(
            {
                name: getattr(self, f"_{name}")
                for name in (
                    *("click", "find", "find_masks", "example", "annotate", "everything"),
                    *("warm", "store", "forget", "ready"),
                )
            }
        )
        self.fetcher = Handle({"check": self._ready})
        self.finder = Handle({"vectors": self._vectors})
        told = ("record", "warn", "offer", "configure", "saved", "hold", "retrieved")
        self.journal = Handle(
            {
                **dict.fromkeys(told, self._told),
                "configured": self._configured,
                "offered": self._configured,
                "failures": self._kept,
                "warnings": self._kept,
                "saved_without_mask": self._kept,
                "retrievals": self._kept,
                "claim": self._claimed,
            }
        )

    def ingress(self, **options: Any) -> Ingress:
        """An ingress in front of them, which never refuses clicks as overload."""
        return Ingress(
            IngressOptions(max_wait_s=3600, **options),
            ImageOptions(label_studio_url="http://127.0.0.1:8080", use_setup_token=True),
            ReadOptions(),
            replace(registry.choose(ModelOptions(model="classical")).served, finder="owlv2-1"),
            self.decoder,
            self.fetcher,
            self.journal,
            self.finder,
        )

    def forget(self) -> None:
        """Drop what the handles remember of calls."""
        for handle in (self.decoder, self.fetcher, self.journal, self.finder):
            handle.chosen.clear()
            handle.responses.clear()

    async def _click(self, key: str, click: Click, reference: object, left_s: float) -> ClickAnswer:
        _fails(click.image)
        regions: list[dict[str, Any]] = []
        if click.width * click.height <= _MOST_PIXELS:
            mask = np.zeros((click.height, click.width), np.bool_)
            mask[click.height // 4 : click.height // 2 + 1, click.width // 4 : click.width // 2 + 1] = True
            for output in click.outputs[:5]:
                regions += encode(mask, 0.9, click, None, output)
        return ClickAnswer(regions, 0.9, True, {"decode": 0.001}, "classical-3", _QUEUE)

    async def _annotate(
        self,
        key: str,
        click: Click,
        reference: object,
        left_s: float,
        priority: Priority,
        keep: bool,
    ) -> BoxMasks:
        answer = await self._click(key, click, reference, left_s)
        found = [answer.regions[:1] for _ in click.prompts]
        return BoxMasks(found, [0.9] * len(found), answer.version)

    async def _everything(
        self, key: str, picture: WholePicture, reference: object, left_s: float, priority: Priority
    ) -> BoxMasks:
        answer = await self._click(key, picture.click(Prompt(), 64, 48), reference, left_s)
        return BoxMasks([answer.regions[:1]] * 3, [0.9] * 3, answer.version)

    async def _find(self, key: str, find: Find, reference: object, left_s: float) -> ClickAnswer:
        """The whole picture for each phrase and example."""
        things = len(find.phrases) + len(find.examples)
        boxes, classes = (
            np.tile((0.0, 0.0, 1.0, 1.0), (things, 1)),
            np.array([*find.classes, 0][:things], int),
        )
        click = find.click(boxes, classes, (640, 480))
        if click is None:
            return ClickAnswer([], 0.0, True, {"decode": 0.0}, "owlv2-1+classical-3", _QUEUE)
        return await self._click(key, click, reference, left_s)

    async def _find_masks(
        self, key: str, find: Find, reference: object, left_s: float, priority: Priority
    ) -> BoxMasks:
        answer = await self._find(key, find, reference, left_s)
        return BoxMasks([answer.regions[:1]] * 2, [0.9] * 2, answer.version)

    async def _example(
        self,
        key: str,
        source: ImageSource,
        box: tuple[float, ...],
        reference: object,
        left_s: float,
        priority: Priority,
    ) -> tuple[str, Any]:
        _fails(source)
        return "owlv2-1", np.ones(4, np.float32)

    async def _vectors(self, phrases: Sequence[str], version: str) -> Any:
        """A phrase of more words than a detector reads is refused, as tokens are."""
        if any(len(phrase.split()) > 14 for phrase in phrases):
            raise BadPrompt("a phrase is too long")
        return np.ones((len(phrases), 4), np.float32)

    async def _warm(
        self,
        key: str,
        source: ImageSource,
        reference: object,
        priority: Priority,
        left_s: float,
        find: bool,
    ) -> bool:
        _fails(source)
        return False

    async def _store(
        self, key: str, source: ImageSource, reference: object, left_s: float, find: bool
    ) -> bool:
        _fails(source)
        return False

    async def _forget(self, key: str) -> bool:
        return True

    async def _ready(self) -> str:
        return "ready"

    async def _told(self, *_: object) -> None:
        pass

    async def _configured(self, project: str) -> str | None:
        return None

    async def _claimed(self, project: str, tasks: list[int], seconds: float) -> list[int]:
        return tasks

    async def _kept(self, project: str | None) -> dict[str, list[Any]]:
        return {}


def _fails(source: ImageSource) -> None:
    mark = hashlib.sha256(source.value.encode("utf-8", "surrogatepass")).digest()
    if mark[0] < 32:
        raise _IMAGE_ERRORS[mark[1] % len(_IMAGE_ERRORS)]("cannot read the image of a task: made up")
