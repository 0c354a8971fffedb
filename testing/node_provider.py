"""The cloud of Ray's autoscaler in tests: it asks for hosts in a folder, and somebody outside makes them.

The autoscaler runs on the head, which cannot make hosts beside itself. So ``HostProvider``, which it
loads there, writes down what it wants, and ``Cloud`` does it in the program that has made the head.
"""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

_LOOK_S = 0.2


class Orders:
    """The nodes that were asked for, by names, each with a file for what is known of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def ask(self, name: str, tags: dict[str, str]) -> None:
        """Ask for one more node."""
        self._write(f"{name}.tags", json.dumps(tags))

    def tell(self, name: str, address: str) -> None:
        """Say that a node is there."""
        self._write(f"{name}.address", address)

    def end(self, name: str) -> None:
        """Ask for the end of a node."""
        self._write(f"{name}.ended", "")

    def names(self) -> list[str]:
        """All that were asked for and not ended."""
        asked, ended = ({each.stem for each in self._folder.glob(f"*.{kind}")} for kind in ("tags", "ended"))
        return sorted(asked - ended)

    def tags(self, name: str) -> dict[str, str]:
        """What the autoscaler knows a node by."""
        found: dict[str, str] = json.loads((self._folder / f"{name}.tags").read_text())
        return found

    def address(self, name: str) -> str:
        """Where a node is; empty as long as it is not there."""
        file = self._folder / f"{name}.address"
        return file.read_text() if file.exists() else ""

    def _write(self, file: str, text: str) -> None:
        """Whoever looks sees all of it or nothing."""
        half = self._folder / f"{uuid.uuid4().hex}.half"
        half.write_text(text)
        half.rename(self._folder / file)


class HostProvider(NodeProvider):
    """What the autoscaler asks; ``folder`` in its config names that of the orders."""

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        self._orders = Orders(Path(provider_config["folder"]))

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """Those with these tags."""
        return [name for name in self._orders.names() if tag_filters.items() <= self.node_tags(name).items()]

    def is_running(self, node_id: str) -> bool:
        """Whether it is there."""
        return bool(self._orders.address(node_id)) and not self.is_terminated(node_id)

    def is_terminated(self, node_id: str) -> bool:
        """Whether its end was asked for."""
        return node_id not in self._orders.names()

    def node_tags(self, node_id: str) -> dict[str, str]:
        """What it is known by."""
        return self._orders.tags(node_id)

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        """Know it by more."""
        self._orders.ask(node_id, self._orders.tags(node_id) | tags)

    def internal_ip(self, node_id: str) -> str:
        """Its address, or nothing as long as it is not there."""
        return self._orders.address(node_id)

    external_ip = internal_ip

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> None:
        """Ask for some."""
        for _ in range(count):
            self._orders.ask(uuid.uuid4().hex[:6], tags | {TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE})

    def terminate_node(self, node_id: str) -> None:
        """Ask for its end."""
        self._orders.end(node_id)


class Cloud:
    """Does what is asked for in ``folder``, until the end of the ``with`` block.

    ``start(name, kind)`` makes a node of a type of the autoscaler's config, and returns its address;
    ``stop(name)`` takes it away. ``head``: the address of the head, which is there already.
    """

    def __init__(
        self, folder: Path, head: str, start: Callable[[str, str], str], stop: Callable[[str], None]
    ) -> None:
        self.orders = Orders(folder)
        self.failed: Exception | None = None
        self._start = start
        self._stop = stop
        self._there: set[str] = set()
        self.ended = threading.Event()
        """Set when nothing more is done."""
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        tags = {TAG_RAY_NODE_KIND: NODE_KIND_HEAD, TAG_RAY_USER_NODE_TYPE: "head"}
        self.orders.ask("head", tags | {TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE})
        self.orders.tell("head", head)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._thread.join()

    @property
    def nodes(self) -> list[str]:
        """The addresses of all nodes that are there, without the head's."""
        return [self.orders.address(name) for name in sorted(self._there)]

    def _work(self) -> None:
        while not self._enough.wait(_LOOK_S):
            wanted = set(self.orders.names()) - {"head"}
            try:
                for name in sorted(wanted - self._there):
                    self.orders.tell(name, self._start(name, self.orders.tags(name)[TAG_RAY_USER_NODE_TYPE]))
                    self._there.add(name)
                for name in sorted(self._there - wanted):
                    self._there.discard(name)
                    with contextlib.suppress(ProcessLookupError):
                        self._stop(name)
            except Exception as error:  # said by who waits for nodes
                self.failed = error
                break
        self.ended.set()
