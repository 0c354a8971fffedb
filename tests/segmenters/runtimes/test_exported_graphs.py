from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segmenters.checkpoints.digest import sha256_of
from segmenters.models import ARCHITECTURES
from segmenters.runtimes.exported_graphs import IMAGE_PART, PROMPTS_PART, exported, graph_path
from segmenters.runtimes.session import Half
from testing.weights import checkpoints
from values.errors import ModelError

pytestmark = pytest.mark.slow

MOBILE = ARCHITECTURES["mobile_sam"]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.write("mobile_sam", tmp_path_factory.mktemp("own") / "mobile_sam.pt")


def test_a_graph_is_exported_once_whoever_asks_and_whatever_a_killed_export_left(
    checkpoint: Path, tmp_path: Path
) -> None:
    graph = graph_path(MOBILE, Half.DECODER, "ab" * 32, tmp_path)
    graph.parent.mkdir(parents=True)
    (graph.parent / "half.onnx.data").write_bytes(b"half")
    script = (
        "import sys; from pathlib import Path; from segmenters.models import ARCHITECTURES;"
        "from segmenters.runtimes.exported_graphs import exported;"
        "from segmenters.runtimes.session import Half;"
        "print(exported(ARCHITECTURES['mobile_sam'], Half.DECODER, *map(Path, sys.argv[1:2]), 'ab' * 32,"
        " Path(sys.argv[2])).stat().st_ino); assert 'torch' not in sys.modules"
    )

    def ask(_: int) -> str:
        command = [sys.executable, "-c", script, str(checkpoint), str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    with ThreadPoolExecutor(3) as threads:
        inodes = set(threads.map(ask, range(3)))
    assert len(inodes) == 1, "all found the same file"
    assert {each.name for each in graph.parent.iterdir()} == {"model.onnx", IMAGE_PART, PROMPTS_PART}
    assert {each.name for each in graph.parent.parent.iterdir()} == {"decoder-2", "decoder-2.lock"}


def test_other_weights_are_exported_anew(tmp_path: Path) -> None:
    places = {graph_path(MOBILE, half, sha * 32, tmp_path) for half in Half for sha in ("ab", "cd")}
    assert len(places) == 4


def test_a_failed_export_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    checkpoint = tmp_path / "damaged.pt"
    checkpoint.write_bytes(b"no weights")
    with pytest.raises(
        ModelError, match=r"exporting the encoder of mobile_sam from .*damaged\.pt failed: .*pickle"
    ):
        exported(MOBILE, Half.ENCODER, checkpoint, "ab" * 32, tmp_path)
    assert [each.name for each in (tmp_path / "exports").rglob("*") if each.is_file()] == ["encoder-1.lock"]


def test_a_killed_export_is_said_to_be_killed(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(ModelError, match="ended by signal 9, as for want of memory"):
        exported(MOBILE, Half.DECODER, checkpoint, "ab" * 32, tmp_path)


@pytest.mark.parametrize("folder", ["/proc/models", os.devnull])
def test_a_folder_that_cannot_be_written_is_named(checkpoint: Path, folder: str) -> None:
    with pytest.raises(ModelError, match=f"{folder}.*MODEL_DIR"):
        exported(MOBILE, Half.DECODER, checkpoint, sha256_of(checkpoint), Path(folder))


def test_a_graph_that_is_there_needs_no_folder_to_write_to(tmp_path: Path) -> None:
    graph = graph_path(MOBILE, Half.DECODER, "ab" * 32, tmp_path)
    graph.parent.mkdir(parents=True)
    graph.touch()
    assert exported(MOBILE, Half.DECODER, tmp_path / "missing.pt", "ab" * 32, tmp_path) == graph
    assert not list(graph.parent.parent.glob("*.lock"))
