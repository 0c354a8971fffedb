"""Every model once, as an operator starts it: `serve run` with configs/serve.yaml, then clicks.

    python -m tests.deployments.every_model [MODEL ...] [--folder FOLDER]

Checkpoints are stand-ins, written and removed model by model. Each model starts twice, first without anything
exported; a line says how long that took and what the model needed. Ends with 1 if one of them failed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from segmenters.model_names import CLASSICAL, ONNX
from segmenters.models import ARCHITECTURES
from segmenters.options import ModelOptions
from segmenters.registry import choose
from testing.running_app import ROOT, free_port, stop
from testing.weights import checkpoints, pictures
from testing.weights.gestures import body, gestures, png
from testing.weights.in_process import InProcess, difference, region_mask

MODELS = (*ARCHITECTURES, ONNX, CLASSICAL)
PICTURE = "big"
# Exports of ViT-H and its first image on two busy cores take minutes.
PATIENCE_S = 600
# Models of more millions of weights are not loaded a second time to compare masks with.
COMPARED = 100
CLICKS = 5


@dataclass(frozen=True)
class Running:
    """`serve run`, where it answers, and since when it runs (of the monotonic clock)."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    started: float

    def ready(self) -> float:
        """Seconds from the start until the encoder and a decoder answer."""
        while True:
            with contextlib.suppress(httpx.TransportError, ValueError, KeyError):
                report = httpx.get(f"{self.url}/diagnose", timeout=30, trust_env=False).json()
                if report["models"] == "answers":  # to `serve run` everybody is a stranger
                    return time.monotonic() - self.started
            said = self.log.read_text(errors="replace")
            late = time.monotonic() > self.started + PATIENCE_S
            if late or self.process.poll() is not None or "values.errors." in said:
                raise RuntimeError(f"it does not become ready:\n{said[-3000:]}")
            time.sleep(0.1)

    def version(self) -> str:
        """What /health calls the model."""
        health = httpx.get(f"{self.url}/health", timeout=10, trust_env=False).json()
        return str(health["model_version"])

    def click(self, gesture: str) -> tuple[list[dict[str, Any]], float]:
        """The regions of an answer, and the seconds it took."""
        asked = body(png(pictures.image(PICTURE)), gestures(*pictures.SIZES[PICTURE])[gesture])
        started = time.monotonic()
        answer = httpx.post(f"{self.url}/predict", json=asked, timeout=PATIENCE_S, trust_env=False)
        seconds = time.monotonic() - started
        if answer.status_code != 200:
            raise RuntimeError(f"a click was answered with {answer.status_code}: {answer.text[:500]}")
        return answer.json()["results"][0]["result"], seconds

    def memory(self, deployment: str) -> str:
        """Resident memory of a deployment's replica now and at most, in MiB."""
        for pid in _descendants(self.process.pid):
            with contextlib.suppress(OSError):
                if f":{deployment}" in Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]:
                    now, most = (_status(pid, key) >> 10 for key in ("VmRSS", "VmHWM"))
                    return f"{now} MiB (peak {most})"
        return "unknown"


@contextlib.contextmanager
def serve_run(settings: dict[str, str]) -> Iterator[Running]:
    """`serve run configs/serve.yaml` with these variables, on a port and in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="ray_", dir="/tmp") as folder:
        config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
        port = free_port()
        config["http_options"] |= {"port": port, "request_timeout_s": PATIENCE_S}
        path, log = Path(folder) / "serve.yaml", Path(folder) / "serve.log"
        path.write_text(yaml.safe_dump(config))
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
            "RAY_ADDRESS": "local",  # never a Ray that somebody else runs here
            "RAY_TMPDIR": folder,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(Path(sys.executable).with_name("serve")), "run", str(path)],
                cwd=ROOT,
                env=env | settings,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield Running(process, f"http://127.0.0.1:{port}", log, time.monotonic())
        finally:
            stop(process)


def settings(model: str, folder: Path) -> dict[str, str]:
    """The variables that make ``model`` serve, its checkpoint written to ``folder``."""
    given = {"MODEL": model, "MODEL_DIR": str(folder)}
    given |= {name: str(PATIENCE_S) for name in ("ENCODE_TIMEOUT_S", "PREDICT_TIMEOUT_S")}
    if model == CLASSICAL:
        return given
    if model == ONNX:
        from tests.segmenters.runtimes.official_exports import export

        checkpoints.write("mobile_sam", folder / "mobile.pt")
        decoder = export(folder / "decoder.onnx")
        named = {"MOBILESAM_CHECKPOINT": "mobile.pt", "ONNX_ENCODER": "mobile_sam"}
        return given | named | {"ONNX_CHECKPOINT": str(decoder)}
    return given | {"CHECKPOINT": str(checkpoints.write(model, folder / f"{model}.pt"))}


def tried(model: str, folder: Path) -> tuple[str, bool]:
    """The line of a model, and whether all was well."""
    given = settings(model, folder)
    with serve_run(given) as running:
        ready = running.ready()
        version = running.version()
        regions, first = running.click("click")
        following = statistics.median(running.click("three_clicks")[1] for _ in range(CLICKS))
        needed = f"encoder {running.memory('Encoder')}, decoder {running.memory('Decoder')}"
    with serve_run(given) as running:
        again = running.ready()
        if running.version() != version:
            raise RuntimeError(f"{version} became {running.version()}")
    complaint = _complaint(model, given, regions)
    line = (
        f"{version:36} ready {ready:.0f} s, again {again:.0f} s; click {first:.2f} s, next "
        f"{following * 1000:.0f} ms; {needed}; {complaint or 'ok'}"
    )
    return line, not complaint


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the models that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.deployments.every_model", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--folder", type=Path, help="where checkpoints are written and removed again")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.models if name not in MODELS]
    if unknown:
        parser.error(f"no model is called {', '.join(unknown)}; there are: {', '.join(MODELS)}")
    # A shell lets what it starts in the background ignore Ctrl-C, and `serve run` would inherit that. Ended
    # in either way, this leaves neither an application nor gigabytes behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    failed = False
    for model in given.models or MODELS:
        folder = Path(tempfile.mkdtemp(prefix=f"{model}-", dir=given.folder))
        try:
            line, well = tried(model, folder)
        except (AssertionError, RuntimeError, OSError, httpx.HTTPError) as error:
            line, well = f"{model}: {error}", False
        finally:
            shutil.rmtree(folder)
        failed |= not well
        print(line, flush=True)  # noqa: T201 - a script
    return int(failed)


def _complaint(model: str, given: dict[str, str], regions: list[dict[str, Any]]) -> str:
    """What is wrong with the regions of a click; nothing if all is well."""
    width, height = pictures.SIZES[PICTURE]
    if model in ARCHITECTURES and ARCHITECTURES[model].parameters > COMPARED:
        whole = len(regions) == 1 and region_mask(regions[0]).shape == (height, width)
        return "" if whole else f"{len(regions)} regions instead of one of {width} x {height}"
    known = {
        name.lower(): value for name, value in given.items() if name.lower() in ModelOptions.model_fields
    }
    here = InProcess(choose(ModelOptions.model_validate(known)).segmenter)
    asked = gestures(width, height)["click"].prompts
    return difference(regions, here.masks(png(pictures.image(PICTURE)), asked))


def _descendants(ancestor: int) -> list[int]:
    """The processes below one, by /proc."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(folder.name)
            children.setdefault(_status(pid, "PPid"), []).append(pid)
    found = [ancestor]
    for pid in found:
        found += children.get(pid, [])
    return found


def _status(pid: int, key: str) -> int:
    """A number in a process's status; memory is in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise ValueError(f"/proc/{pid}/status has no {key}")


if __name__ == "__main__":
    sys.exit(main())
