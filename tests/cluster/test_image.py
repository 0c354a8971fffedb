"""The image for CPUs, built and run as on Kubernetes: as user 10001, on a root that nobody can write."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from testing.running_app import free_port

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 3e9  # bytes
START_S = 300
_WITHOUT_ROOT = getattr(os, "geteuid", lambda: 1)() != 0
_MISSING = [name for name in ("buildah", "mmdebstrap", "unshare") if shutil.which(name) is None]

pytestmark = [
    pytest.mark.full,
    pytest.mark.cluster,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(_MISSING), reason=f"builds an image, and {', '.join(_MISSING)} is not here"),
    pytest.mark.skipif(_WITHOUT_ROOT, reason="builds an image, which only root can do here"),
]

# Everything that is not said to be writable is not; nothing of this machine's environment is handed on.
IN_CONTAINER = """
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t tmpfs -o size=2g,mode=1777 tmpfs "$1/tmp"
mount -t tmpfs -o size=64m,uid=10001,gid=10001 tmpfs "$1/models"
cat /etc/hosts >"$1/etc/hosts"
mount -o remount,bind,ro "$1"
root=$1
shift
exec chroot --userspec=10001:10001 "$root" "$@"
"""


@dataclass(frozen=True)
class Image:
    """A built image. ``root``: where its files are."""

    root: Path
    env: dict[str, str]
    user: str

    def command(self, *words: str, **env: str) -> list[str]:
        """What runs ``words`` in a container of it, in the folder that the image says."""
        variables = [f"{name}={value}" for name, value in (self.env | env).items()]
        inside = ["env", "-i", "-C", "/app", *variables, *words]
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL"]
        return [*unshare, "sh", "-ec", IN_CONTAINER, "sh", str(self.root), *inside]


class Buildah:
    """Buildah with a storage of its own in ``folder``."""

    def __init__(self, folder: Path) -> None:
        places = ["--root", str(folder / "storage"), "--runroot", str(folder / "run")]
        self._command = ["buildah", *places, "--storage-driver", "vfs"]

    def __call__(self, *words: str | Path) -> str:
        command = [*self._command, *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout.strip()


def pip_of_this_machine(folder: Path) -> list[str | Path]:
    """Volumes with which pip in the image finds what it finds here: indexes, certificates, files."""
    said = subprocess.run(["pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in said.splitlines())
    kept = {name.rpartition(".")[2]: value.strip("'") for name, value in found.items()}
    options = {
        name: kept[name] for name in ("cert", "index-url", "extra-index-url", "find-links") if name in kept
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    (folder / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    words = [word for value in options.values() for word in value.split()]
    # Of a folder that is an index, the one above it: its pages lead to files beside it.
    indexes = [Path(word.removeprefix("file://")).parent for word in words if word.startswith("file://")]
    paths = [*indexes, *(Path(word) for word in words if word.startswith("/"))]
    volumes = [f"{path}:{path}:ro" for path in paths if path.exists()]
    return [
        part for each in [f"{folder / 'pip.conf'}:/etc/pip.conf:ro", *volumes] for part in ("--volume", each)
    ]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    buildah = Buildah(folder)
    # The base's own registry may be out of reach; Debian with its Python is what it is made of.
    tar = folder / "base.tar"
    packages = "python3,python3-venv,ca-certificates"
    debian = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", str(tar)]
    subprocess.run(debian, check=True, capture_output=True)
    base = buildah("from", "scratch")
    buildah("add", base, tar, "/")
    buildah("commit", base, "base")
    tar.unlink()
    # Old releases do not resolve the name of a stage from an argument, and would fetch what is not used.
    text = (ROOT / "cluster" / "Dockerfile").read_text()
    begin, end = text.index("FROM ${CUDA_BASE} AS cuda"), text.index("FROM ${DEVICE} AS app")
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(text[:begin] + text[end:].replace("FROM ${DEVICE} AS app", "FROM cpu AS app"))
    options = ["--isolation", "chroot", "--network", "host", "--build-arg", "CPU_BASE=localhost/base"]
    volumes = pip_of_this_machine(folder)
    if "find-links" in (folder / "pip.conf").read_text():
        options += ["--build-arg", "TORCH_INDEX="]
    buildah("build", *options, *volumes, "--file", dockerfile, "--tag", "image", ".")
    container = buildah("from", "image")
    config = json.loads(buildah("inspect", "--type", "image", "image"))["OCIv1"]["config"]
    env = dict(each.split("=", 1) for each in config["Env"])
    yield Image(Path(buildah("mount", container)), env, config["User"])
    buildah("unmount", container)
    buildah("rm", "--all")
    shutil.rmtree(folder)


def test_it_is_small_and_holds_no_cuda(image: Image) -> None:
    files = [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    assert size <= LARGEST, f"{size / 1e9:.2f} GB"
    [packages] = (image.root / "opt/venv/lib").glob("python3*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert {"torch", "ray", "onnxruntime"} <= names
    assert (packages / "opentelemetry/exporter/otlp/proto/http").is_dir(), (
        "spans are sent by a variable alone"
    )
    assert not [name for name in names if name.startswith(("nvidia", "triton"))]


def test_it_serves_as_a_user_who_can_write_nothing_but_scratch(image: Image) -> None:
    assert image.user == "10001:10001"
    port = free_port()
    serve = ["python", "-m", "serve_app", "serve", "--host", "127.0.0.1"]
    command = image.command(*serve, MODEL="classical", PORT=str(port), WORKERS="1")
    with (image.root.parent / "serve.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + START_S
            health = ["python", "cluster/healthcheck.py"]
            while subprocess.run(image.command(*health, PORT=str(port)), capture_output=True).returncode:
                said = Path(log.name).read_text()[-4000:]
                assert process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(1)
            answer = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).json()
            assert answer["model_version"].startswith("classical")
            wrote = subprocess.run(image.command("touch", "/app/new"), capture_output=True, text=True)
            assert "Read-only file system" in wrote.stderr
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
