"""A Prometheus that scrapes one running application, as cluster/monitoring/prometheus.yml has it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from testing.running_app import ROOT, RunningApp, free_port

MONITORING = ROOT / "cluster" / "monitoring"
NOT_INSTALLED = "Prometheus is not installed (Debian and Ubuntu: apt-get install prometheus)"
SCRAPE_S = 2
_START_S = 60


def is_installed() -> bool:
    """Whether there is a Prometheus on this machine, and promtool."""
    return all(map(shutil.which, ("prometheus", "promtool")))


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    """What promtool says."""
    return subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Prometheus:
    """Where it answers."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        return list(self._asked("query", query=expression)["result"])

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = self._asked("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def wait_until_fires(self, alert: str, within_s: float) -> None:
        """Return when it fires. Raises AssertionError."""
        deadline = time.monotonic() + within_s
        while alert not in (firing := self.firing()):
            assert time.monotonic() < deadline, f"{alert} does not fire; {firing or 'nothing'} does"
            time.sleep(1)

    def wait_until(self, condition: str, within_s: float) -> None:
        """Return when the query has a sample. Raises AssertionError."""
        deadline = time.monotonic() + within_s
        while not self.query(condition):
            assert time.monotonic() < deadline, f"not {condition}"
            time.sleep(1)

    def _asked(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, trust_env=False, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@contextmanager
def prometheus(app: RunningApp, haproxy_port: int, folder: Path) -> Iterator[Prometheus]:
    """Scrapes the application until the block ends; its data are in ``folder``."""
    [metrics] = re.findall(r"^metrics    http://(\S+)/metrics$", app.said(), re.MULTILINE)
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    config["rule_files"] = [str(MONITORING / "alerts.yaml")]
    targets = {"127.0.0.1:9102": metrics, "127.0.0.1:9101": f"127.0.0.1:{haproxy_port}"}
    # Another Ray may run, or may have run, on this machine.
    config["scrape_configs"] = [each for each in config["scrape_configs"] if "static_configs" in each]
    for job in config["scrape_configs"]:
        for each in job["static_configs"]:
            each["targets"] = [targets[target] for target in each["targets"]]
    path, port = folder / "prometheus.yml", free_port()
    path.write_text(json.dumps(config))  # which is YAML too
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        made = Prometheus(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + _START_S
        while not _is_ready(made):
            assert process.poll() is None, (folder / "prometheus.log").read_text()
            assert time.monotonic() < deadline, "Prometheus is not ready"
            time.sleep(0.2)
        yield made
    finally:
        process.terminate()
        process.wait(_START_S)


def _is_ready(made: Prometheus) -> bool:
    try:
        return httpx.get(f"{made.url}/-/ready", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
