"""Changes of a running application, as `serve deploy` makes them."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from testing.running_app import RunningApp

DEPLOY_S = 300.0


class Deployed:
    """An application that was deployed from ``config`` and can be deployed again with changes."""

    def __init__(self, app: RunningApp, config: dict[str, Any]) -> None:
        self._app = app
        self._config = copy.deepcopy(config)

    def lightly(self) -> None:
        """Let decoders take one click less at once, a change for which Serve starts no replica."""
        for each in self._application()["deployments"]:
            if each["name"] == "Decoder":
                each["max_ongoing_requests"] -= 1
        self._deploy()

    def setting(self) -> None:
        """Change a setting that alters no mask, for which Serve replaces all replicas."""
        arguments = self._application()["args"]
        arguments["refine_mib"] = arguments.get("refine_mib", 64) + 1
        self._deploy()

    def apply(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Let ``change`` alter the application's part of the config, and deploy it."""
        change(self._application())
        self._deploy()

    def _application(self) -> dict[str, Any]:
        [application] = self._config["applications"]
        found: dict[str, Any] = application
        return found

    def _deploy(self) -> None:
        """Deploy and wait for the end of it. Raises RuntimeError after two minutes."""
        url = "/api/serve/applications/"
        with self._app.dashboard_client() as http:
            http.put(url, json=self._config).raise_for_status()
            deadline = time.monotonic() + DEPLOY_S
            time.sleep(1)  # the controller says RUNNING of the old deployment until it has begun
            while (status := self._status(http.get(url).raise_for_status().json())) != "RUNNING":
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the change was not deployed in {DEPLOY_S:g} s: {status}")
                if status == "DEPLOY_FAILED":
                    raise RuntimeError("the change could not be deployed; Ray's log says why")
                time.sleep(0.5)

    def _status(self, said: dict[str, Any]) -> str:
        return str(said["applications"][self._application()["name"]]["status"])
