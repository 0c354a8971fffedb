"""One Label Studio server: fresh data, a free loopback port, its own process group."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from testing.canary import CANARY
from testing.running_app import free_port
from tests.real_label_studio.api import LabelStudioApi
from tests.real_label_studio.install import environment, executable, migrated_database

USER = "annotator@example.com"


class LabelStudioServer:
    """A running Label Studio. Use as a context manager, or ``start``, ``wait_until_ready`` and ``stop``.

    ``folder``: an empty folder for its data. ``settings``: more environment, such as ``ML_BLOCK_LOCAL_IP``;
    without it this is a stock Label Studio, which refuses loopback addresses of backends.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.files = folder / "files"  # document root of local-files storage
        self.password = f"{CANARY}-{secrets.token_urlsafe(12)}"
        self.settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._api: LabelStudioApi | None = None
        self.url = ""

    @property
    def api(self) -> LabelStudioApi:
        """The API as the logged-in user; the server must be ready."""
        if self._api is None:
            raise RuntimeError("Label Studio is not ready; call wait_until_ready first")
        return self._api

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "label-studio.log"

    def start(self) -> Self:
        """Start the process and return at once, so that several can come up side by side."""
        data = self._data
        data.mkdir(parents=True)
        self.files.mkdir()
        shutil.copyfile(migrated_database(), data / "label_studio.sqlite3")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._launch()
        return self

    def restart(self) -> None:
        """SIGKILL, and the same server with the same data once more; who is logged in stays so.

        Raises RuntimeError where it does not get ready.
        """
        if self._process is None:
            raise RuntimeError("Label Studio does not run; call start first")
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._launch()
        self._until_healthy(180)

    def wait_until_ready(self, timeout_s: float = 180.0) -> Self:
        """Return when the server answers its health check and the user is logged in."""
        self._until_healthy(timeout_s)
        self._api = LabelStudioApi(self.url, USER, self.password)
        # Label Studio sends it to every backend unasked: from now on it is watched for.
        self._api.legacy_token()
        return self

    def stop(self) -> None:
        """End the process group this server was started in."""
        if self._api is not None:
            self._api.close()
            self._api = None
        if self._process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, sign)
            try:
                self._process.wait(timeout=15)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    @contextlib.contextmanager
    def legacy_tokens(self) -> Iterator[str]:
        """Within the block legacy tokens are on, as an administrator enables them. Yields the user's."""
        self._allow_legacy_tokens(True)
        try:
            yield self.api.legacy_token()
        finally:
            self._allow_legacy_tokens(False)

    def _allow_legacy_tokens(self, allowed: bool) -> None:
        settings = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": allowed}
        self.api.call("POST", "/api/jwt/settings", json=settings)

    def gets(self, name: str) -> int:
        """How often a file was asked for, by what stands in the address."""
        # Two handlers write each line, which has the millisecond.
        lines = set(self.log.read_text().splitlines())
        return sum('"GET ' in line and name in line for line in lines)

    def __enter__(self) -> Self:
        return self.start().wait_until_ready()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _launch(self) -> None:
        address = urlsplit(self.url)
        command = [str(executable()), "start", "--no-browser", "--data-dir", str(self._data)]
        command += ["--internal-host", str(address.hostname), "--port", str(address.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )

    def _until_healthy(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._healthy():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else "(no log)"
                self.stop()
                raise RuntimeError(f"Label Studio did not get ready at {self.url}; its log ends:\n{tail}")
            time.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        settings = {
            "LABEL_STUDIO_HOST": self.url,
            "LABEL_STUDIO_USERNAME": USER,
            "LABEL_STUDIO_PASSWORD": self.password,
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.files),
        }
        return environment(self.folder, **settings, **self.settings)

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False
