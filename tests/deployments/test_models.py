"""Models with weights behind one port, asked as Label Studio asks and compared with themselves here."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import pytest

from segmenters.checkpoints.digest import sha256_of, sidecar
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.segmenter import Segmenter
from serve_app.cli.serve.readiness import reason
from testing.applications import Applications, Json, application
from testing.file_server import Exchange, Reply, Server
from testing.weights import checkpoints, pictures
from testing.weights.gestures import Gesture, body, gestures, png
from testing.weights.in_process import InProcess, difference

pytestmark = pytest.mark.cluster

WAIT_S = 120
SAM2, ONNX = "sam2.1_hiera_tiny", "onnx"
MODELS = (SAM2, ONNX)


@dataclass(frozen=True)
class Served:
    """The applications, each under its model's name as prefix, with these settings.

    ``loading``: what SAM 2 answered while its weights were being downloaded.
    """

    applications: Applications
    settings: dict[str, Json]
    folder: Path
    loading: dict[str, httpx.Response] = field(default_factory=dict)

    def segmenter(self, model: str) -> Segmenter:
        """What the settings choose in this process."""
        known = {
            name: each for name, each in self.settings[model].items() if name in ModelOptions.model_fields
        }
        return choose(ModelOptions.model_validate(known)).segmenter

    def url(self, model: str) -> str:
        return self.applications.url(model)

    def predict(self, model: str, picture: bytes, gesture: Gesture) -> httpx.Response:
        url, asked = f"{self.url(model)}/predict", body(picture, gesture)
        return httpx.post(url, json=asked, timeout=WAIT_S, trust_env=False)

    def regions(self, model: str, picture: bytes, gesture: Gesture) -> list[Json]:
        """The regions of an answer."""
        answer = self.predict(model, picture, gesture)
        assert answer.status_code == 200, answer.text[:500]
        [prediction] = answer.json()["results"]
        assert 0 <= prediction["score"] <= 1
        found: list[Json] = prediction["result"]
        return found

    def deploy(self, changes: dict[str, Json]) -> None:
        """Deploy all of them again, with these changes of their settings."""
        self.applications.deploy(
            *(application(name, given | changes.get(name, {})) for name, given in self.settings.items())
        )

    def state(self, model: str) -> tuple[str, str]:
        """(status, message) of one of them."""
        return self.applications.state(model)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, threading.Event, Path]]:
    """A host with the weights of SAM 2, what lets it send their second half, and the file."""
    file = checkpoints.write(SAM2, tmp_path_factory.mktemp("host") / "tuned.pt")
    admission = threading.Event()
    with Server(_halted(file.read_bytes(), admission)) as server:
        try:
            yield server, admission, file
        finally:
            admission.set()


@pytest.fixture(scope="module")
def served(
    applications: Applications,
    server: tuple[Server, threading.Event, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    # Only here: whoever collects this file would import the publisher's code.
    from tests.segmenters.runtimes.official_exports import export

    folder = tmp_path_factory.mktemp("models")
    host, admission, file = server
    settings: dict[str, Json] = {
        SAM2: {
            "checkpoint": f"{host.url}/tuned.pt",
            "checkpoint_sha256": sha256_of(file),
            "runtime": "torch",
            "candidates": "all",
            "multi_box": "each",
        },
        ONNX: {
            "mobilesam_checkpoint": checkpoints.write("mobile_sam", folder / "mobile.pt").name,
            "onnx_checkpoint": str(export(folder / "decoder.onnx")),
            "onnx_encoder": "mobile_sam",
            "durable": str(folder / "embeddings"),
        },
    }
    settings = {model: {"model": model, "model_dir": str(folder), **own} for model, own in settings.items()}
    served = Served(applications, settings, folder)
    served.deploy({})
    try:
        _while_it_downloads(served, admission)
        applications.wait(*MODELS)
        yield served
    finally:
        applications.remove(*MODELS)


def _while_it_downloads(served: Served, admission: threading.Event) -> None:
    made = gestures(*SIZES["land"])["click"]
    with ThreadPoolExecutor(1) as thread:
        try:
            said, url = served.applications.app.said, served.url(SAM2)
            _wait(lambda: f"{SAM2}: 0.0 of" in said(), said)
            _wait(lambda: _get(url).status_code == 200, said)
            click = thread.submit(served.predict, SAM2, picture("land"), made)
            served.loading["/health"] = _get(url)
            served.loading["/setup"] = httpx.post(
                f"{url}/setup", json={"schema": "<View/>"}, timeout=WAIT_S, trust_env=False
            )
            assert served.state(SAM2)[0] == "DEPLOYING"
            assert not click.done()
        finally:
            admission.set()
        served.loading["/predict"] = click.result()


def _get(url: str) -> httpx.Response:
    return httpx.get(f"{url}/health", timeout=WAIT_S, trust_env=False)


def _halted(content: bytes, admission: threading.Event) -> Reply:
    """The file, of which the second half waits for the admission."""

    def reply(exchange: Exchange) -> None:
        half = len(content) // 2
        exchange.say(200, content[:half], Content_Length=str(len(content)), ETag='"1"')
        exchange.wfile.flush()
        admission.wait()
        exchange.wfile.write(content[half:])

    return reply


@pytest.fixture(scope="module")
def here(served: Served) -> Callable[[str], InProcess]:
    """The same models in this process; `mobile_sam` is the encoder of `onnx` with its own decoder."""

    @cache
    def loaded(model: str) -> InProcess:
        if model in MODELS:
            return InProcess(served.segmenter(model))
        options = ModelOptions(model=model, checkpoint="mobile.pt", model_dir=served.folder, runtime="torch")
        return InProcess(choose(options).segmenter)

    return loaded


@cache
def picture(name: str) -> bytes:
    """A PNG of a small picture, or of one as large as a photograph."""
    if name == "photograph":
        return png(pictures.image("big").repeat(3, axis=0).repeat(3, axis=1))
    return png(pictures.image(name))


SIZES = {**pictures.SIZES, "photograph": (4200, 2700)}
# One model has all settings that make several regions of a gesture, the other one none of them.
ASKED = [
    *[(SAM2, "land", gesture) for gesture in gestures(*SIZES["land"])],
    *[(ONNX, "land", gesture) for gesture in ("click", "boxes")],
    *[(ONNX, "port", gesture) for gesture in ("three_clicks", "box_and_clicks")],
    (ONNX, "photograph", "click"),
]


def test_health_and_setup_answer_while_the_weights_are_downloaded(
    served: Served, server: tuple[Server, threading.Event, Path]
) -> None:
    host, _, file = server
    version = f"{SAM2}-{sha256_of(file)[:8]}"
    for path in ("/health", "/setup"):
        assert served.loading[path].json()["model_version"] == version
    [prediction] = served.loading["/predict"].json()["results"]
    assert prediction["model_version"] == version
    assert len(prediction["result"]) == 3
    assert re.search(rf"{SAM2}: (\d+\.\d) of \1 MiB, 100 %", served.applications.app.said())
    assert [request.method for request in host.requests] == ["GET"]


@pytest.mark.parametrize(("model", "name", "gesture"), ASKED)
def test_the_masks_are_those_of_the_same_model_in_this_process(
    served: Served, here: Callable[[str], InProcess], model: str, name: str, gesture: str
) -> None:
    settings = served.settings[model]
    made = gestures(*SIZES[name])[gesture]
    expected = here(model).masks(
        picture(name), made.asked(settings.get("multi_box", "last")), settings.get("candidates", "best")
    )
    assert expected
    assert difference(served.regions(model, picture(name), made), expected) == ""


def test_every_candidate_of_a_click_and_a_region_for_each_box(served: Served) -> None:
    made = gestures(*SIZES["land"])
    found = {
        (model, gesture): len(served.regions(model, picture("land"), made[gesture]))
        for model in MODELS
        for gesture in ("click", "boxes")
    }
    assert found == {(SAM2, "click"): 3, (SAM2, "boxes"): 6, (ONNX, "click"): 1, (ONNX, "boxes"): 1}


def test_the_official_decoder_s_file_answers_as_our_own(
    served: Served, here: Callable[[str], InProcess]
) -> None:
    for gesture in ("click", "three_clicks", "box_and_clicks", "brush"):
        made = gestures(*SIZES["land"])[gesture]
        expected = here("mobile_sam").masks(picture("land"), made.prompts)
        assert difference(served.regions(ONNX, picture("land"), made), expected) == "", gesture


def test_the_second_click_on_an_image_encodes_nothing(served: Served) -> None:
    new, made = png(pictures.image("land")[:150]), gestures(320, 150)
    asked = [served.predict(ONNX, new, made[gesture]) for gesture in ("click", "three_clicks")]
    assert [_found(each) for each in asked] == ["miss", "hit"]


def _found(answer: httpx.Response) -> str:
    return str(answer.headers["server-timing"].rpartition("=")[2])


@pytest.mark.parametrize("model", MODELS)
def test_health_and_setup_name_the_model_and_its_weights(served: Served, model: str) -> None:
    version = served.segmenter(model).version
    health = _get(served.url(model)).json()
    assert (health["model"], health["model_version"], health["fallback"]) == (model, version, False)
    setup = httpx.post(f"{served.url(model)}/setup", json={"schema": "<View/>"}, timeout=10, trust_env=False)
    assert setup.json()["model_version"] == version


def test_what_cannot_be_served_is_said_while_the_old_applications_go_on_and_other_weights_take_over(
    served: Served,
) -> None:
    """Other weights lie in the checkpoint's place then: what the earlier ones encoded is not used."""
    made = gestures(*SIZES["land"])["click"]
    checkpoint, durable = served.folder / "mobile.pt", served.folder / "embeddings"
    earlier, before = served.segmenter(ONNX).version, served.regions(ONNX, picture("land"), made)
    missing = {"mobilesam_checkpoint": "missing.pt"}
    with _clicks_answered(served, list(MODELS)):
        served.deploy({SAM2: {"device": "cuda"}, ONNX: missing})
        for model, said in {
            SAM2: ("DEVICE is cuda and no node of this cluster has a GPU", "set it to auto"),
            ONNX: (f"the checkpoint {served.folder}/missing.pt", "No such file", "correct the setting"),
        }.items():
            # As `serve` says it, which ends then where nothing was served before.
            message = reason([_failure(served, model, said[0])])
            assert all(each in message for each in said), message
    size = checkpoint.stat().st_size
    checkpoints.write("mobile_sam", checkpoint, salt="tuned again ")
    assert checkpoint.stat().st_size == size
    assert sidecar(checkpoint).exists()
    # Serve makes anew what is configured anew, as a new start does.
    served.deploy({ONNX: {"cache_mib": 511}})
    later = served.segmenter(ONNX).version
    assert later != earlier
    _wait(lambda: _get(served.url(ONNX)).json()["model_version"] == later, lambda: str(served.state(ONNX)))
    served.applications.wait(*MODELS)
    answer = served.predict(ONNX, picture("land"), made)
    assert _found(answer) == "miss"
    [prediction] = answer.json()["results"]
    assert prediction["model_version"] == later
    assert _values(prediction["result"]) != _values(before)
    _wait(lambda: _written(durable / later) == 1, lambda: f"{durable / later} stays empty")
    assert _written(durable / earlier) > 0
    logs = served.applications.app.logs.glob("serve/replica_*Decoder*.log")
    assert not any("embedding" in said and "is not used" in said for said in map(Path.read_text, logs))


def _values(regions: list[Json]) -> list[Json]:
    return [each["value"] for each in regions]


def _written(folder: Path) -> int:
    return len(list(folder.rglob("*.safetensors")))


@contextmanager
def _clicks_answered(served: Served, models: list[str]) -> Iterator[None]:
    """Clicks until the block ends, and once after that; each must be answered.

    They come as an annotator's do: without a pause they would take the cores that the deployment needs.
    """
    made, over = gestures(*SIZES["land"])["click"], threading.Event()

    def click() -> None:
        last = False
        while not last:
            last = over.is_set()
            for model in models:
                assert served.regions(model, picture("land"), made)
            over.wait(0.5)

    with ThreadPoolExecutor(1) as thread:
        clicks = thread.submit(click)
        try:
            yield
        finally:
            over.set()
        clicks.result()


def _failure(served: Served, model: str, said: str) -> str:
    """What Serve says of a deployment that fails, once it is about this."""

    def failed() -> bool:
        status, message = served.state(model)
        return status == "DEPLOY_FAILED" and said in message

    _wait(failed, lambda: f"nothing about {said!r}: {served.state(model)}")
    return served.state(model)[1]


def _wait(there: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)
