"""Models with weights behind one port, asked as Label Studio asks and compared with themselves here."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from segmenters.checkpoints.digest import sha256_of
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.segmenter import Segmenter
from testing.file_server import Exchange, Reply, Server
from testing.running_app import ROOT, RunningApp, running_app
from testing.weights import checkpoints, pictures
from testing.weights.gestures import Gesture, body, gestures, png
from testing.weights.in_process import InProcess, difference
from tests.segmenters.runtimes import graphs
from tests.segmenters.runtimes.official_exports import export

pytestmark = pytest.mark.cluster

Json = dict[str, Any]

WAIT_S = 120
# What each application's settings have besides the names of its files.
MODELS: dict[str, Json] = {
    "mobile_sam": {},
    "sam2.1_hiera_tiny": {"candidates": "all", "multi_box": "each"},
    "onnx": {"onnx_encoder": "mobile_sam", "multi_box": "each"},
}


@dataclass(frozen=True)
class Served:
    """The running applications, each under its model's name as prefix.

    ``config``: what was deployed. ``versions``: of the segmenters that serve, by model.
    """

    app: RunningApp
    config: Json
    versions: dict[str, str]
    folder: Path

    def settings(self, model: str) -> Json:
        """The ``args`` of one of them."""
        settings: Json = self._application(model)["args"]
        return settings

    def segmenter(self, model: str) -> Segmenter:
        """What these settings choose in this process."""
        known = {
            name: each for name, each in self.settings(model).items() if name in ModelOptions.model_fields
        }
        return choose(ModelOptions.model_validate(known)).segmenter

    def url(self, model: str) -> str:
        return f"{self.app.url}/{model}"

    def predict(self, model: str, picture: bytes, gesture: Gesture) -> httpx.Response:
        url, asked = f"{self.url(model)}/predict", body(picture, gesture)
        return httpx.post(url, json=asked, timeout=WAIT_S, trust_env=False)

    def regions(self, model: str, picture: bytes, gesture: Gesture) -> list[Json]:
        """The regions of an answer."""
        answer = self.predict(model, picture, gesture)
        assert answer.status_code == 200, answer.text[:500]
        [prediction] = answer.json()["results"]
        assert prediction["model_version"] == self.versions[model]
        assert 0 <= prediction["score"] <= 1
        found: list[Json] = prediction["result"]
        return found

    def deploy(self, changes: dict[str, Json]) -> None:
        """Deploy all of them again, with these changes of their settings, as `serve deploy` does."""
        config = copy.deepcopy(self.config)
        for each in config["applications"]:
            each["args"] |= changes.get(each["name"], {})
        with self.app.dashboard_client() as client:
            client.put("/api/serve/applications/", json=config).raise_for_status()

    def state(self, model: str) -> tuple[str, str]:
        """(status, message) of one of them, as `serve status` has it."""
        with self.app.dashboard_client() as client:
            found = client.get("/api/serve/applications/").json()["applications"][model]
        return found["status"], found["message"]

    def _application(self, model: str) -> Json:
        return next(each for each in self.config["applications"] if each["name"] == model)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("models")
    files: dict[str, Json] = {
        "mobile_sam": {"checkpoint": checkpoints.write("mobile_sam", folder / "mobile.pt")},
        "sam2.1_hiera_tiny": {"checkpoint": checkpoints.write("sam2.1_hiera_tiny", folder / "tiny.pt")},
        "onnx": {"mobilesam_checkpoint": "mobile.pt", "onnx_checkpoint": export(folder / "decoder.onnx")},
    }
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [first] = config["applications"]
    config["applications"] = [
        _application(first, model, {**own, "model_dir": folder, **files[model]})
        for model, own in MODELS.items()
    ]
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    # A variable would win over what the config says of each application.
    with running_app(path, {"MODEL": ""}) as app:
        versions = {each["name"]: _segmenter(each["args"]).version for each in config["applications"]}
        yield Served(app, config, versions, folder)


def _application(like: Json, model: str, settings: Json) -> Json:
    """One of several on a small machine: each replica books little, and none has others beside it."""
    application: Json = copy.deepcopy(like) | {"name": model, "route_prefix": f"/{model}"}
    application["args"] = {"model": model} | {name: str(value) for name, value in settings.items()}
    for each in application["deployments"]:
        each.pop("autoscaling_config", None)
        each |= {"num_replicas": 1, "ray_actor_options": {"num_cpus": 0.05}}
    return application


def _segmenter(settings: Json) -> Segmenter:
    """What an application's settings choose in this process."""
    known = {name: value for name, value in settings.items() if name in ModelOptions.model_fields}
    return choose(ModelOptions.model_validate(known)).segmenter


@pytest.fixture(scope="module")
def here(served: Served) -> Callable[[str], InProcess]:
    """The same models in this process, by name."""
    return cache(lambda model: InProcess(_segmenter(served.settings(model))))


@cache
def picture(name: str) -> bytes:
    """A PNG of a small picture, or of one as large as a photograph."""
    if name == "photograph":
        return png(pictures.image("big").repeat(3, axis=0).repeat(3, axis=1))
    return png(pictures.image(name))


SIZES = {**pictures.SIZES, "photograph": (4200, 2700)}
ASKED = [
    *[("land", gesture) for gesture in gestures(*SIZES["land"])],
    *[("port", gesture) for gesture in ("three_clicks", "box_and_clicks")],
    ("photograph", "click"),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("name", "gesture"), ASKED, ids=lambda each: str(each))
def test_the_masks_are_those_of_the_same_model_in_this_process(
    served: Served, here: Callable[[str], InProcess], model: str, name: str, gesture: str
) -> None:
    settings = served.settings(model)
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
    assert found == {
        ("mobile_sam", "click"): 1,
        ("mobile_sam", "boxes"): 1,
        ("sam2.1_hiera_tiny", "click"): 3,
        ("sam2.1_hiera_tiny", "boxes"): 6,
        ("onnx", "click"): 1,
        ("onnx", "boxes"): 2,
    }


def test_the_official_decoder_s_file_answers_as_our_own(
    served: Served, here: Callable[[str], InProcess]
) -> None:
    for gesture in ("click", "three_clicks", "box_and_clicks", "brush"):
        made = gestures(*SIZES["land"])[gesture]
        expected = here("mobile_sam").masks(picture("land"), made.prompts)
        assert difference(served.regions("onnx", picture("land"), made), expected) == "", gesture


@pytest.mark.parametrize("model", MODELS)
def test_the_second_click_on_an_image_encodes_nothing(served: Served, model: str) -> None:
    new, made = png(pictures.image("land")[:150]), gestures(320, 150)
    asked = [served.predict(model, new, made[gesture]) for gesture in ("click", "three_clicks")]
    assert [each.headers["server-timing"].rpartition("=")[2] for each in asked] == ["miss", "hit"]


@pytest.mark.parametrize("model", MODELS)
def test_health_and_setup_name_the_model_and_its_weights(served: Served, model: str) -> None:
    version = served.versions[model]
    health = httpx.get(f"{served.url(model)}/health", timeout=10, trust_env=False).json()
    assert (health["model"], health["model_version"], health["fallback"]) == (model, version, False)
    setup = httpx.post(f"{served.url(model)}/setup", json={"schema": "<View/>"}, timeout=10, trust_env=False)
    assert setup.json()["model_version"] == version
    assert f"{served.url(model)} ({version}: " in served.app.said()


def test_what_cannot_be_served_is_said_while_the_old_applications_go_on(served: Served) -> None:
    try:
        for cases in (_broken_files(served.folder), _wrong_settings(served.folder)):
            with _clicks_answered(served, list(cases)):
                served.deploy({model: change for model, (change, _) in cases.items()})
                for model, (_, said) in cases.items():
                    message = _failure(served, model, said[0])
                    assert all(each in message for each in said), message
    finally:
        served.deploy({})
        _wait(lambda: _states(served) == {"RUNNING"}, lambda: str([served.state(model) for model in MODELS]))


# A change of an application's settings, and parts of what is said about it, the place first.
Case = tuple[Json, tuple[str, ...]]


def _broken_files(folder: Path) -> dict[str, Case]:
    damaged = folder / "damaged.pt"
    damaged.write_bytes((folder / "mobile.pt").read_bytes()[:100_000])
    decoder = graphs.decoder(folder / "other.onnx", ("has_mask_input", "mask_is_given"))
    return {
        "mobile_sam": (
            {"checkpoint": "missing.pt"},
            (f"the checkpoint {folder}/missing.pt", "No such file", "correct the setting"),
        ),
        "sam2.1_hiera_tiny": (
            {"checkpoint": str(damaged)},
            (f"the checkpoint {damaged} is damaged", "download it again"),
        ),
        "onnx": (
            {"onnx_checkpoint": str(decoder)},
            (f"{decoder} is not a mask decoder of SAM", "has_mask_input", "set ONNX_CHECKPOINT"),
        ),
    }


def _wrong_settings(folder: Path) -> dict[str, Case]:
    return {
        "mobile_sam": (
            {"checkpoint": "tiny.pt"},
            (f"{folder}/tiny.pt", "look like sam2.1_hiera_tiny", "choose the model sam2.1_hiera_tiny"),
        ),
        "sam2.1_hiera_tiny": (
            {"device": "cuda"},
            ("DEVICE is cuda and no node of this cluster has a GPU", "set it to auto"),
        ),
    }


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


def _states(served: Served) -> set[str]:
    return {served.state(model)[0] for model in MODELS}


def _wait(there: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)


def test_health_and_setup_answer_while_the_weights_are_downloaded(tmp_path: Path) -> None:
    file = checkpoints.write("mobile_sam", tmp_path / "there.pt", salt="downloaded ")
    content, sha256, admission = file.read_bytes(), sha256_of(file), threading.Event()
    with Server(_halted(content, admission)) as server:
        env = {
            "MODEL": "mobile_sam",
            "CHECKPOINT": f"{server.url}/tuned.pt",
            "CHECKPOINT_SHA256": sha256,
            "MODEL_DIR": str(tmp_path / "models"),
            "RUNTIME": "torch",  # nothing is exported, which would take longer than the rest
        }
        with running_app(env=env, ready=False) as app, ThreadPoolExecutor(1) as thread:
            try:
                _wait(lambda: "mobile_sam: 0.0 of" in app.said(), app.said)
                _wait(lambda: _healthy(app), app.said)
                made = gestures(*SIZES["land"])["click"]
                url, asked = f"{app.url}/predict", body(picture("land"), made)
                click = thread.submit(httpx.post, url, json=asked, timeout=WAIT_S, trust_env=False)
                for method, path in (("GET", "/health"), ("POST", "/setup")):
                    asked = {"schema": "<View/>"}
                    answer = httpx.request(
                        method, app.url + path, json=asked, timeout=WAIT_S, trust_env=False
                    )
                    assert answer.json()["model_version"] == f"mobile_sam-{sha256[:8]}"
                assert "backend    http" not in app.said()
                assert not click.done()
            finally:
                admission.set()
            [prediction] = click.result().json()["results"]
            assert prediction["model_version"] == f"mobile_sam-{sha256[:8]}"
            [region] = prediction["result"]
            assert 0 < region["score"] <= 1
            _wait(lambda: "backend    http" in app.said(), app.said)
            assert re.search(r"mobile_sam: (\d+\.\d) of \1 MiB, 100 %", app.said())
    assert [request.method for request in server.requests] == ["GET"]


def _healthy(app: RunningApp) -> bool:
    """Whether the ingress answers: replicas start side by side, and none waits for the encoder's weights."""
    with suppress(httpx.TransportError):
        return httpx.get(f"{app.url}/health", timeout=WAIT_S, trust_env=False).status_code == 200
    return False


def _halted(content: bytes, admission: threading.Event) -> Reply:
    """The file, of which the second half waits for the admission."""

    def reply(exchange: Exchange) -> None:
        half = len(content) // 2
        exchange.say(200, content[:half], Content_Length=str(len(content)), ETag='"1"')
        exchange.wfile.flush()
        admission.wait()
        exchange.wfile.write(content[half:])

    return reply
