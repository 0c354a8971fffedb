"""Hosts within this machine have a network and processes of their own, and end with who made them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testing import hosts
from testing.running_app import ROOT, inherited

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(hosts.missing()), reason=hosts.missing()),
]

PROGRAM = """
import json, os, sys
from pathlib import Path
from testing.hosts import HostFailed, Network, enter

enter([sys.executable, "-c", sys.orig_argv[2], *sys.argv[1:]])

def failure(call):
    try:
        call()
    except HostFailed as error:
        return str(error)

said = {}
with Network(Path(sys.argv[1])) as network:
    one, two = (network.host(name, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}) for name in ("one", "two"))
    listener = "import socket; a = socket.create_server(('', 7000)); print('up', flush=True); input()"
    waits = f'sleep 1000 | {sys.executable} -c "{listener}" >/tmp/up'
    one.start(f"mkfifo /tmp/up; {waits} & read word </tmp/up")
    two.start("touch /tmp/mine")
    opened = f"bash -c 'exec 3<>/dev/tcp/{one.address}/7000 && echo there' 2>&1"
    ask, ask_in_vain = f"timeout 30 {opened}", f"timeout 1 {opened}"
    said["processes"] = [host.run("ls -d /proc/[0-9]*").count("proc") for host in (one, two)]
    said["tmp"] = two.run("ls /tmp").split(), Path("/tmp/mine").exists()
    said["reached"] = two.run(ask)
    one.cut_off()
    said["cut off"] = failure(lambda: two.run(ask_in_vain))
    one.connect()
    said["connected"] = two.run(ask)
    one.kill()
    said["killed"] = two.run(ask + " || true")
    said["dead"] = failure(lambda: one.run("true"))
    one.start("true")
    said["fresh tmp"] = one.run("ls /tmp").split()
    said["fails"] = failure(lambda: (two.kill(), two.start("echo why >&2; false")))
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program has seen. Its folder is not below /tmp, which each host has for itself."""
    folder = Path("/var/tmp") / tmp_path_factory.mktemp("hosts").name
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=ROOT,
        env=inherited(),
        capture_output=True,
        text=True,
    )
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_host_sees_its_own_processes_and_files(said: dict[str, Any]) -> None:
    assert max(said["processes"]) < 10
    assert said["tmp"] == [["mine"], False]


def test_hosts_reach_each_other_until_one_is_cut_off(said: dict[str, Any]) -> None:
    assert (said["reached"], said["connected"]) == ("there\n", "there\n")
    assert said["cut off"] is not None


def test_a_host_that_is_killed_refuses_and_can_start_anew(said: dict[str, Any]) -> None:
    assert "refused" in said["killed"]
    assert said["dead"] == "nothing runs on one"
    assert said["fresh tmp"] == []


def test_a_start_that_fails_says_why(said: dict[str, Any]) -> None:
    assert said["fails"].startswith("two did not start: ")
    assert said["fails"].endswith("why")
