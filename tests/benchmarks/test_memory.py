"""What the benchmark of memory makes of processes and of a config, without an application."""

from __future__ import annotations

import os

import pytest

from benchmarks.memory import OTHERS, Kept, Line, Watch, configured, lines, owner, settings, table
from serve_app import sizing
from serve_app.lint.serve import lint_serve
from tests.benchmarks.printing import printed


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["ray::ServeReplica:segment-anything:Decoder"], "Decoder"),
        (["ray::ServeReplica:segment-anything:Ingress.handle_request"], "Ingress"),
        (["ray::ServeReplica:segment-anything:Fetcher"], "Fetcher"),
        (["python", "-m", "imaging.decoding_processes.process"], "Fetcher"),
        (["ray::ServeController"], OTHERS),
        (["/somewhere/raylet", "--node"], OTHERS),
    ],
)
def test_a_process_belongs_to_a_deployment_or_to_what_carries_them(words: list[str], name: str) -> None:
    assert owner(words) == name


def test_the_application_is_that_of_the_pods_and_no_other() -> None:
    config = configured(None)
    assert not lint_serve(config)
    [application] = config["applications"]
    assert settings(application).cache_mib == 512
    counts = sizing.replicas(application, settings(application), "max_replicas")
    assert counts == {"Ingress": 2, "Fetcher": 1, "Encoder": 1, "Decoder": 2, "Journal": 1}
    assert settings(configured(64)["applications"][0]).cache_mib == 64


def test_predicted_is_what_the_pods_book() -> None:
    [application] = configured(None)["applications"]
    found = {each.name: each for each in lines(application, {"Decoder": 1500.0}, {"Decoder": 3000.0})}
    own = settings(application)
    assert found["Decoder"].predicted == 2 * sizing.replica_mib("Decoder", own)
    assert (found["Decoder"].now, found["Decoder"].fits) == (1500.0, False)
    assert found["Journal"].fits
    assert sum(each.predicted for each in found.values()) == sizing.machine_mib(
        application, own, "max_replicas"
    )


def test_memory_is_watched_by_process() -> None:
    watch = Watch(os.getpid())
    assert watch.peaks() == {}
    watch._peaks = {("Decoder", 1): 10.0, ("Decoder", 2): 20.0, (OTHERS, 3): 5.0}
    assert watch.peaks() == {"Decoder": 30.0, OTHERS: 5.0}


def test_the_table_says_what_does_not_fit() -> None:
    said = printed(
        table(
            [Line("Decoder", 2, 2000, 1500, 1600), Line("Journal", 1, 150, 160, 170)],
            Kept(2**30, 2**30, 7, 0),
        )
    )
    assert "1024 of 1024 MiB" in said
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}
    assert rows["Decoder"] == ["2", "2000", "1500", "1600", "yes"]
    assert rows["Journal"][-1] == "no"
    assert rows["all"] == ["2150", "1660", "1770", "yes"]
