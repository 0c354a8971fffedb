"""A decoder dies, another one comes: what moves is handed over, and hardly anything is encoded again."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import httpx
import pytest
from PIL import Image

from embeddings.rendezvous import Rendezvous
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.mask_prompts import read as draw
from testing import processes
from testing.app_metrics import total, until
from testing.applications import Applications, Json, application
from testing.file_server import Server
from testing.image_files import encoded
from testing.label_studio_masks import deepest, keypoint
from testing.label_studio_requests import predict_body
from testing.running_app import RunningApp
from testing.scenes import scene
from tests.protocol.support import encoded as packed

pytestmark = pytest.mark.cluster

NAME = "owners"
DECODERS = 3
EACH = 4
"""Images of each decoder."""

PATIENCE_S = 60
# No folder: where there is one, nothing would be encoded again in any case.
ARGS = {"model": "classical", "image_hosts": "*", "recheck_s": 0}
SHAPE = (120, 160)
PICTURE = scene(3, *SHAPE[::-1])


@dataclass
class Annotated:
    """The application, the server of its images, and the addresses of those that are clicked on."""

    applications: Applications
    server: Server
    images: list[str]

    @property
    def app(self) -> RunningApp:
        return self.applications.app

    def click_on_all(self) -> None:
        """One click on each image; all are answered with the same mask."""
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(self._click, self.images))
        assert len(set(answers)) == 1

    def _click(self, image: str) -> str:
        answer = httpx.post(
            f"{self.applications.url(NAME)}/predict", json=asked(image), timeout=100, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        [region] = answer.json()["results"][0]["result"]
        return str(region["value"])

    def read(self) -> int:
        """How often an image was read; only what is read is encoded."""
        return len(self.server.requests)

    def decoders(self) -> list[int]:
        """Their processes."""
        title = f"ray::ServeReplica:{NAME}:Decoder"
        found = processes.descendants(self.app.process.pid)
        return [pid for pid, words in found if words[0].startswith(title)]

    def wait_for(self, decoders: int) -> None:
        """Return when so many run, and no more."""
        deadline = time.monotonic() + PATIENCE_S
        while self._running() != decoders or len(self.decoders()) != decoders:
            assert time.monotonic() < deadline, self._running()
            time.sleep(0.1)

    def _running(self) -> int:
        with self.app.dashboard_client() as client:
            said = client.get("/api/serve/applications/").raise_for_status().json()
        replicas = said["applications"][NAME]["deployments"]["Decoder"]["replicas"]
        return sum(each["state"] == "RUNNING" for each in replicas)


def asked(image: str) -> Json:
    """A click as Label Studio sends it."""
    item = keypoint(deepest(PICTURE.masks[0]), SHAPE, "Object")
    return predict_body(image, context={"result": [item]})


def key(image: str) -> str:
    """The image's key, by which it belongs to a decoder."""
    click = read_click(read_predict(packed(asked(image))), draw)
    assert isinstance(click, Click)
    return image_key(canonical(click.image, ImageOptions(image_hosts=("*",))))


def even(server: Server) -> list[str]:
    """Addresses of images: of each decoder's equally many, of which one belongs to another one that comes."""
    now, later = (Rendezvous([f"slot {slot}" for slot in range(slots)]) for slots in (DECODERS, DECODERS + 1))
    wanted = Counter({(f"slot {slot}", moves): 1 if moves else EACH - 1
                      for slot in range(DECODERS) for moves in (False, True)})  # fmt: skip
    found: list[str] = []
    for number in count():
        image = f"{server.url}/{number}.png"
        kind = (now.first(key(image)) or "", later.first(key(image)) == f"slot {DECODERS}")
        if wanted[kind]:
            wanted[kind] -= 1
            found.append(image)
        if not wanted.total():
            return found
    raise AssertionError


def deployed(decoders: int) -> Json:
    return application(NAME, ARGS, decoders=decoders)


@pytest.fixture(scope="module")
def annotated(applications: Applications) -> Iterator[Annotated]:
    content = encoded(Image.fromarray(PICTURE.rgb))
    with Server(lambda exchange: exchange.say(200, content)) as server:
        images = even(server)
        with applications.beside(deployed(DECODERS)):
            yield Annotated(applications, server, images)


def test_a_decoder_dies_and_the_images_of_one_are_encoded_again_at_most(annotated: Annotated) -> None:
    annotated.click_on_all()
    assert annotated.read() == DECODERS * EACH
    os.kill(annotated.decoders()[0], signal.SIGKILL)
    annotated.click_on_all()
    stood_in = annotated.read()
    assert stood_in <= (DECODERS + 1) * EACH
    annotated.wait_for(DECODERS)
    annotated.click_on_all()
    assert annotated.read() == stood_in, "the new one asks those who stood in"
    until(annotated.app, "ray_sam_images_encoded_total", stood_in, application=NAME)
    assert total(annotated.app, "ray_sam_images_encoded_total", application=NAME) == stood_in


def test_another_decoder_comes_and_its_images_are_handed_over(annotated: Annotated) -> None:
    annotated.click_on_all()
    before = annotated.read()
    handed_over = total(annotated.app, "ray_sam_embedding_lookups_total", application=NAME, found="neighbour")
    annotated.applications.deploy(deployed(DECODERS + 1))
    annotated.wait_for(DECODERS + 1)
    annotated.click_on_all()
    assert annotated.read() == before
    until(
        annotated.app,
        "ray_sam_embedding_lookups_total",
        handed_over + DECODERS,
        application=NAME,
        found="neighbour",
    )


def test_a_decoder_leaves_and_hands_over_what_it_has(annotated: Annotated) -> None:
    """By itself: when the others know that its images are theirs, it takes no more questions."""
    annotated.applications.deploy(deployed(DECODERS + 1))
    annotated.wait_for(DECODERS + 1)
    annotated.click_on_all()
    before = annotated.read()
    annotated.applications.deploy(deployed(DECODERS - 1))
    annotated.wait_for(DECODERS - 1)
    annotated.click_on_all()
    assert annotated.read() == before
