"""The autoscaler's cloud: what it asks for is made, and what it gives back is taken away."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ray.autoscaler.tags import TAG_RAY_NODE_KIND, TAG_RAY_USER_NODE_TYPE

from testing.node_provider import Cloud, HostProvider


class Machines:
    """Made and taken away by the cloud."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.changed = threading.Condition()

    def start(self, name: str, kind: str) -> str:
        if kind == "none":
            raise RuntimeError("there are no such machines")
        with self.changed:
            self.kinds[name] = kind
            self.changed.notify_all()
        return f"10.0.0.{len(self.kinds) + 1}"

    def stop(self, name: str) -> None:
        with self.changed:
            del self.kinds[name]
            self.changed.notify_all()

    def wait(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.kinds) == count, 20)


def tags(kind: str) -> dict[str, str]:
    return {TAG_RAY_NODE_KIND: "worker", TAG_RAY_USER_NODE_TYPE: kind}


def test_what_is_asked_for_is_made_and_taken_away(tmp_path: Path) -> None:
    machines = Machines()
    cloud = Cloud(tmp_path, "10.0.0.1", machines.start, machines.stop)
    provider = HostProvider({"folder": str(tmp_path)}, "a cluster")
    assert provider.non_terminated_nodes({}) == ["head"]
    assert (provider.internal_ip("head"), provider.is_running("head")) == ("10.0.0.1", True)
    with cloud:
        provider.create_node({}, tags("cpu"), 2)
        machines.wait(2)
        assert set(machines.kinds.values()) == {"cpu"}
        first, second = provider.non_terminated_nodes({TAG_RAY_NODE_KIND: "worker"})
        provider.terminate_node(first)
        machines.wait(1)
        assert list(machines.kinds) == [second]
        assert provider.is_terminated(first)
        assert provider.non_terminated_nodes({TAG_RAY_USER_NODE_TYPE: "cpu"}) == [second]
    assert cloud.nodes == [provider.internal_ip(second)]


def test_a_machine_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    machines = Machines()
    with Cloud(tmp_path, "10.0.0.1", machines.start, machines.stop) as cloud:
        HostProvider({"folder": str(tmp_path)}, "a cluster").create_node({}, tags("none"), 1)
        cloud.ended.wait(20)
    assert isinstance(cloud.failed, RuntimeError)


@pytest.mark.parametrize("known", [{}, {"more": "known"}])
def test_a_node_that_is_not_there_yet_has_no_address(tmp_path: Path, known: dict[str, str]) -> None:
    provider = HostProvider({"folder": str(tmp_path)}, "a cluster")
    provider.create_node({}, tags("cpu"), 1)
    [node] = provider.non_terminated_nodes({})
    provider.set_node_tags(node, known)
    assert (provider.internal_ip(node), provider.is_running(node)) == ("", False)
    assert (tags("cpu") | known).items() <= provider.node_tags(node).items()
