"""What starts once for all tests that can share it: Label Studio and two clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from testing.annotating.questions import PICTURES
from testing.applications import Applications, Json, application, serve_config
from testing.otlp_receiver import OtlpReceiver
from testing.project_server import Studio
from testing.running_app import RunningApp, running_app
from tests.real_label_studio.server import LabelStudioServer

STORE = 75 * 2**20  # as little as Ray allows
SIZE = (160, 120)
LOCK = ("user", "pass")


@pytest.fixture(scope="session")
def real_label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """Label Studio that lets backends be on loopback; personal access tokens only, as it comes."""
    settings = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}
    with LabelStudioServer(tmp_path_factory.mktemp("label-studio"), settings) as server:
        # Tests that need no Label Studio say 1 for a project: no test may have that one.
        server.api.create_project("nobody's", "<View></View>")
        yield server


@pytest.fixture(scope="session")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``app`` keeps embeddings."""
    return tmp_path_factory.mktemp("durable") / "embeddings"


@pytest.fixture(scope="session")
def applications(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, durable: Path
) -> Iterator[Applications]:
    """One Ray behind HAProxy for all tests that can share it: its start takes longer than most of them.

    At / the application of configs/serve.yaml, under /locked another one that asks for basic auth and logs
    JSON. Both keep embeddings in ``durable``. Where a test of this run needs the real Label Studio, their
    images may come from there: a token can only be given to all that runs in one Ray.
    """
    settings: Json = {"model": "classical", "image_hosts": "*", "durable": str(durable), "prefetch_tasks": 2}
    # A variable would win over what the config says of each application.
    env = {"MODEL": "", "WORKERS": "", "RAY_metrics_report_interval_ms": "2000"}
    if any("real_label_studio" in getattr(item, "fixturenames", ()) for item in request.session.items):
        studio: LabelStudioServer = request.getfixturevalue("real_label_studio")
        settings["label_studio_url"] = studio.url
        env["LABEL_STUDIO_API_KEY"] = studio.api.personal_access_token()
    lock = {"basic_auth_user": LOCK[0], "basic_auth_pass": LOCK[1], "max_body_mib": 1, "log_format": "json"}
    config = serve_config()
    config["applications"] = [
        application("segment-anything", settings, prefix="/"),
        application("locked", settings | lock),
    ]
    path: Path = tmp_path_factory.mktemp("config") / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    with running_app(path, env, haproxy=True, dashboard_port=8265) as running:
        yield Applications(running, config)


@pytest.fixture(scope="session")
def app(applications: Applications) -> RunningApp:
    """What ``applications`` are in."""
    return applications.app


@pytest.fixture(scope="session")
def finds(
    request: pytest.FixtureRequest, applications: Applications, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Where an application beside ``app`` answers that has a detector whose answer is known.

    It stays to the end. What needs it therefore comes late (tests/conftest.py).
    """
    # Its imports take seconds, and most runs need none of them.
    from testing.finding_application import finding_application

    # So an answer to *Retrieve Predictions* is closed after five seconds.
    settings: Json = {"retrieve": "find", "image_hosts": "*", "predict_timeout_s": 10}
    if any("real_label_studio" in getattr(item, "fixturenames", ()) for item in request.session.items):
        settings["label_studio_url"] = request.getfixturevalue("real_label_studio").url
    models: Path = tmp_path_factory.mktemp("finds") / "models"
    applications.deploy(finding_application("finds", models, settings))
    applications.wait("finds")
    return applications.url("finds")


@dataclass(frozen=True)
class Other:
    """A second Ray, where the images of its application's clicks come from, and where its spans go."""

    applications: Applications
    studio: Studio
    receiver: OtlpReceiver

    @property
    def app(self) -> RunningApp:
        """The whole of it."""
        return self.applications.app


@pytest.fixture(scope="session")
def other_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Other]:
    """Another Ray, which tests may harm, with the application of configs/serve.yaml behind HAProxy.

    Its object store is as small as can be, and its requests are traced. It has IPv6, a long TMPDIR, and asks
    for the ports of ``app``.
    """
    far: Path = tmp_path_factory.mktemp("far") / ("x" * 60)
    far.mkdir()
    config = serve_config()
    [only] = config["applications"]
    with Studio(1, *SIZE, pictures=PICTURES) as studio, OtlpReceiver() as receiver:
        # Two processes that read requests, as is the default.
        only["args"] |= {
            "model": "classical",
            "label_studio_url": studio.url,
            "image_hosts": "*",
            "workers": 2,
        }
        path: Path = tmp_path_factory.mktemp("other") / "serve.yaml"
        path.write_text(yaml.safe_dump(config))
        env = {
            "MODEL": "",
            "WORKERS": "",
            "HOST": "::",
            "TMPDIR": str(far),
            "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": str(STORE),
            "RAY_metrics_report_interval_ms": "1000",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }
        with running_app(path, env, haproxy=True, dashboard_port=8265) as running:
            yield Other(Applications(running, config), studio, receiver)
