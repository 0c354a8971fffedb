"""A real Prometheus over a running application: every panel has data, a kill and an overload raise alerts."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.annotating.victims import VICTIMS
from testing.applications import serve_config
from testing.dashboard import queries
from testing.project_server import Studio, request_of
from testing.prometheus import NOT_INSTALLED, Prometheus, is_installed, prometheus
from testing.running_app import RunningApp, free_port, running_app

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.full,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not is_installed(), reason=NOT_INSTALLED),
]

DATA_S = 180
"""Within so long every query has data: of two scrapes, of metrics that Ray exports every few seconds."""

NEW_S = 360
"""Until then a replica that starts may be one of the first."""

FIRES_S = 240
CROWD = 32
NEEDS_A_GPU = {"GPU"}


@dataclass(frozen=True)
class Watched:
    """An application that refuses clicks early, its Prometheus, and annotators at work."""

    app: RunningApp
    prometheus: Prometheus
    questions: Questions

    def open_a_task(self, number: int) -> None:
        """What Label Studio sends when an annotator opens a task: the image is made ready."""
        with client(self.app.url, TIMEOUT_S) as http:
            http.post("/predict", json=request_of(number)).raise_for_status()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder: Path = tmp_path_factory.mktemp("watched")
    config = serve_config()
    [application] = config["applications"]
    application["args"] |= {"model": "classical", "max_wait_s": 0.2, "log_format": "json"}
    for each in application["deployments"]:
        each.pop("autoscaling_config", None)
        each["num_replicas"] = 1
    del application["deployments"][0]["num_replicas"]  # the setting `workers` has it
    path, haproxy_port, questions = folder / "serve.yaml", free_port(), Questions()
    path.write_text(yaml.safe_dump(config))
    with Studio(1, *SIZE, pictures=PICTURES) as studio:
        env = {"LABEL_STUDIO_URL": studio.url, "RAY_SERVE_HAPROXY_METRICS_PORT": str(haproxy_port)}
        with (
            running_app(path, env, haproxy=True) as app,
            prometheus(app, haproxy_port, folder) as watching,
        ):
            with client(app.url, TIMEOUT_S) as http:
                questions.learn(asking(http))
            with Annotators(app.url, questions, count=2, pause_s=0.5):
                yield Watched(app, watching, questions)


def test_every_query_of_the_dashboard_has_data(watched: Watched) -> None:
    wanted = [(title, query) for title, query in queries() if title not in NEEDS_A_GPU]
    deadline = time.monotonic() + DATA_S
    for number in itertools.count(5000):
        watched.open_a_task(number)
        wanted = [(title, query) for title, query in wanted if not watched.prometheus.query(query)]
        if not wanted:
            break
        assert time.monotonic() < deadline, wanted
        time.sleep(1)
    assert not watched.prometheus.firing()


def test_clicks_that_are_refused_raise_an_alert(watched: Watched) -> None:
    with Annotators(watched.app.url, watched.questions, count=CROWD, pause_s=0) as crowd:
        watched.prometheus.wait_until_fires("SamClicksRefused", FIRES_S)
    assert {click.outcome for click in crowd.clicks} == {"right", "503"}


def test_replicas_that_are_killed_raise_an_alert(watched: Watched) -> None:
    starts = 'ray_serve_deployment_replica_starts_total{deployment="Decoder"}'
    watched.prometheus.wait_until(f"count({starts} offset 5m) > 0", NEW_S)  # else all of them are new
    assert "SamReplicasDie" not in watched.prometheus.firing()
    before = len(watched.prometheus.query(f"count_over_time({starts}[1h])"))
    for death in range(1, 4):
        VICTIMS[0].kill(watched.app, random.Random(1))
        # Each has to be seen before the next one dies.
        watched.prometheus.wait_until(f"count(count_over_time({starts}[1h])) >= {before + death}", FIRES_S)
    watched.prometheus.wait_until_fires("SamReplicasDie", FIRES_S)
