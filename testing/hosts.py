"""Hosts of a network that exist on this machine alone: namespaces of Linux, made by whoever tests.

A host has a network of its own, which stays, and processes of its own, which see no others and end with their
first one. Everything is inside of namespaces of the program itself (``enter``): this machine's network is
untouched, and whatever ends the program ends all hosts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_ENTERED = "TESTING_HOSTS_ENTERED"
_NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_BRIDGE = "hosts"
_NET = "10.77.0"

STARTED_S = 180.0
"""Seconds that what a host starts may take."""

# The first process of a host. /tmp is its own; what it starts goes on behind it.
_FIRST = 'mount --bind "$1" /tmp && { eval "$2"; echo $? >/tmp/.started; }; while :; do sleep 3600; done'


class HostFailed(RuntimeError):
    """What a host was to start did not start; the text is what it said."""


def missing() -> str:
    """A sentence about what this machine lacks for hosts; empty where nothing is."""
    if sys.platform != "linux":
        return "Hosts are namespaces of Linux, and this is another system."
    for tool, package in (("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2")):
        if shutil.which(tool) is None:
            return f"{tool} is missing; install the package {package}."
    tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True)
    if tried.returncode:
        return f"This machine allows no namespaces ({tried.stderr.strip()}); run as root."
    return ""


def enter(program: Sequence[str]) -> None:
    """Run ``program``, which is this one, once more in namespaces of its own, unless it is there already."""
    if _ENTERED in os.environ:
        return
    os.execvpe("unshare", [*_unshare(), *program], {**os.environ, _ENTERED: "1"})


def _unshare() -> list[str]:
    return ["unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), *_NAMESPACES]


class Network:
    """A switch between hosts, and this program at ``address`` on it. Within ``enter`` only."""

    address = f"{_NET}.1"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hosts: dict[str, Host] = {}

    def __enter__(self) -> Self:
        _ip("link set lo up")
        _ip(f"link add {_BRIDGE} type bridge")
        _ip(f"addr add {self.address}/24 dev {_BRIDGE}")
        _ip(f"link set {_BRIDGE} up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self.hosts.values():
            host.remove()
        _ip(f"link delete {_BRIDGE}")

    @staticmethod
    def address_of(number: int) -> str:
        """Where a host is: the first one has the number 2."""
        return f"{_NET}.{number}"

    def host(self, name: str, variables: Mapping[str, str]) -> Host:
        """One more host, by a name of at most eight letters; ``variables`` are its processes' environment."""
        number = len(self.hosts) + 2
        self.hosts[name] = Host(name, number, self._folder / name, variables)
        return self.hosts[name]


class Host:
    """One host of the network at ``address``, which begins without processes."""

    def __init__(self, name: str, number: int, folder: Path, variables: Mapping[str, str]) -> None:
        self.name = name
        self.address = Network.address_of(number)
        self._folder = folder
        self._variables = dict(variables)
        self._link = f"to-{name}"
        self._starts = 0
        self._first: subprocess.Popen[bytes] | None = None
        # Holds the network, whatever becomes of the host's own processes.
        self._network = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        _until_own(self._network.pid, "net")
        _ip(f"link add {self._link} type veth peer name eth0 netns {self._network.pid}")
        _ip(f"link set {self._link} master {_BRIDGE} up")
        for command in (
            f"addr add {self.address}/24 dev eth0",
            "link set lo up",
            "link set eth0 up",
            f"route add default via {Network.address}",
        ):
            _ip(command, self._network.pid)

    @property
    def tmp(self) -> Path:
        """What the host's processes see as /tmp, since it was last started."""
        return self._folder / f"tmp{self._starts}"

    @property
    def log(self) -> Path:
        """What its first processes print."""
        return self._folder / "log"

    def start(self, script: str, variables: Mapping[str, str] | None = None) -> None:
        """Run ``script``, which leaves processes behind, and return when it has ended.

        Raises HostFailed where it fails, or has not ended in three minutes.
        """
        self._starts += 1
        self.tmp.mkdir(parents=True)
        self.tmp.chmod(0o1777)
        with self.log.open("ab") as log:
            self._first = subprocess.Popen(
                [*self._in_network(), "unshare", *_NAMESPACES[1:], "bash", "-c", _FIRST, self.name,
                 str(self.tmp), script],
                env={**self._variables, **(variables or {})},
                stdout=log,
                stderr=log,
            )  # fmt: skip
        status, deadline = self.tmp / ".started", time.monotonic() + STARTED_S
        while not status.exists() or not status.read_text():
            if time.monotonic() > deadline or self._first.poll() is not None:
                raise HostFailed(f"{self.name} did not start: {self._said()}")
            time.sleep(0.1)
        if status.read_text().strip() != "0":
            raise HostFailed(f"{self.name} did not start: {self._said()}")

    def run(self, script: str) -> str:
        """What ``script`` prints beside the host's other processes. Raises HostFailed where it fails."""
        found = subprocess.run(
            [
                "nsenter",
                "--target",
                str(self._first_pid()),
                "--net",
                "--mount",
                "--pid",
                "bash",
                "-c",
                script,
            ],
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=STARTED_S,
        )
        if found.returncode:
            raise HostFailed(f"{self.name}: {script}: {(found.stderr or found.stdout).strip()[-2000:]}")
        return found.stdout

    def kill(self) -> None:
        """SIGKILL to all its processes at once. Its network stays: it refuses connections and closes those
        that there were."""
        os.kill(self._first_pid(), signal.SIGKILL)
        self._ended()

    def cut_off(self) -> None:
        """Take the host from the network, without a word to anybody: nothing is refused, nothing answered."""
        _ip(f"link set {self._link} down")

    def connect(self) -> None:
        """Back to the network."""
        _ip(f"link set {self._link} up")

    def end(self) -> None:
        """SIGKILL to what runs on it, if anything does."""
        with contextlib.suppress(HostFailed, ProcessLookupError):
            self.kill()

    def remove(self) -> None:
        """End what is left of it."""
        self.end()
        self._network.kill()
        self._network.wait()

    def _in_network(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._network.pid}/ns/net"]

    def _first_pid(self) -> int:
        """Its first process, as this program sees it: the child of `unshare`. Raises HostFailed."""
        if self._first is None or self._first.poll() is not None:
            raise HostFailed(f"nothing runs on {self.name}")
        pid = self._first.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            raise HostFailed(f"nothing runs on {self.name}")
        return int(children[0])

    def _ended(self) -> None:
        assert self._first is not None
        self._first.wait(STARTED_S)
        self._first = None

    def _said(self) -> str:
        return self.log.read_text(errors="replace").strip()[-2000:]


def _until_own(pid: int, kind: str) -> None:
    """Wait until a process has a namespace of its own of this ``kind``."""
    ours, its = Path(f"/proc/self/ns/{kind}").readlink(), Path(f"/proc/{pid}/ns/{kind}")
    while its.readlink() == ours:
        time.sleep(0.005)


def _ip(command: str, network_of: int | None = None) -> None:
    """Run `ip`, in the network of a process. Raises HostFailed."""
    where = () if network_of is None else ("nsenter", f"--net=/proc/{network_of}/ns/net")
    done = subprocess.run([*where, "ip", *command.split()], capture_output=True, text=True)
    if done.returncode:
        raise HostFailed(f"ip {command}: {done.stderr.strip()}")
