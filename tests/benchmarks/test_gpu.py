"""The check on a GPU: its steps, what becomes of one that fails, and its tables; without a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest

from benchmarks.gpu import __main__ as check
from benchmarks.gpu import run as runner
from benchmarks.gpu.breakable import BROKEN, FULL, Breakable
from benchmarks.gpu.clicks import clicked, likest
from benchmarks.gpu.decoders import contenders
from benchmarks.gpu.failure import Clicker
from benchmarks.gpu.graph import Graph, configured, device_variables
from benchmarks.gpu.run import Outcome, run
from benchmarks.gpu.steps import CARD, CLICK, DECODERS, FAILURE, SHORT, WEIGHTS, Form, Place, Step, steps
from benchmarks.gpu.steps import FULL as FULL_FORM
from benchmarks.gpu.tables import markdown
from benchmarks.gpu.weights import collected
from segmenters.models import ARCHITECTURES
from serve_app.lint.serve import lint_serve
from testing.instant import Instant
from testing.processes import started
from testing.running_app import ROOT
from tests.test_docs import flags_of, is_a_module
from values.errors import DeviceFailed, OutOfMemory
from values.image import Pixels

PLACE = Place("cuda", Path("/weights"), Path("/published"))
PIXELS = Pixels(np.zeros((8, 8, 3), np.uint8), 8, 8)
FORMS = pytest.mark.parametrize("form", [FULL_FORM, SHORT], ids=lambda form: form.name)


def step(what: str, seconds: float = 60) -> Step:
    return Step(what, ("tests.benchmarks.gpu_step", what), seconds)


def test_the_full_form_takes_eight_minutes_at_most() -> None:
    assert sum(each.seconds for each in steps(FULL_FORM, PLACE)) <= 8 * 60


@FORMS
def test_each_step_is_a_command_that_exists_with_its_flags(form: Form) -> None:
    all_steps = list(steps(form, PLACE))
    assert len({each.file for each in all_steps}) == len(all_steps)
    for each in all_steps:
        module, *words = each.words
        assert is_a_module(module)
        source = flags_of(module) + flags_of("benchmarks.gpu.weights")
        assert all(f'"{word}"' in source for word in (*words, "--json") if word.startswith("--"))
        assert set(words) & set(ARCHITECTURES) or each.name == CARD


def test_the_full_form_is_what_a_gpu_is_lent_for() -> None:
    words = [each.words for each in steps(FULL_FORM, PLACE)]
    for model in ("sam_vit_h", "sam2.1_hiera_large", "sam2.1_hiera_base_plus", "sam2.1_hiera_tiny"):
        own = [each for each in words if each[0] == "benchmarks.encoder" and each[2] == model]
        assert [each[each.index("--compile") + 1] for each in own] == ["none", "default"]
    assert {each[0] for each in words} >= {
        "benchmarks.gpu.clicks", "benchmarks.gpu.failure", "benchmarks.gpu.decoders",
    }  # fmt: skip


def test_a_step_that_ends_has_its_figures_and_no_failure(tmp_path: Path) -> None:
    outcome = run(step("works"), tmp_path / "figures.json", time.monotonic() + 600)
    assert (outcome.figures, outcome.failure) == ({"child": None}, "")


def test_a_step_that_fails_has_the_last_line_of_what_it_said(tmp_path: Path) -> None:
    outcome = run(step("fails"), tmp_path / "figures.json", time.monotonic() + 600)
    assert (outcome.figures, outcome.failure) == (None, "it ended with status 1: the device is not there")


def test_a_step_that_was_not_done_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LEAVING_S", 0)
    outcome = run(step("hangs"), tmp_path / "figures.json", time.monotonic())
    assert outcome.failure.startswith("its time was over after ")


def test_what_a_step_started_ends_with_it_and_its_figures_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LEAVING_S", 0)
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", *step("hangs").words, "--json", str(file)]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as process:
        while not file.exists():
            assert process.poll() is None
            time.sleep(0.01)
        child = json.loads(file.read_text())["child"]
        assert started(child)
        runner._end(process)
    deadline = time.monotonic() + 60
    while _runs(child):  # a signal takes a moment
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Whether it computes; one that has ended may wait for a parent that takes notice."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_figures_that_were_cut_short_are_none(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text('{"rows": [')
    assert runner._read(file) is None


def test_one_step_that_fails_takes_no_others_figures_and_what_is_left_over_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    def ran(each: Step, _: Path, until: float) -> Outcome:
        limits.append(until - time.monotonic())
        saved = (tmp_path / "figures.json").exists()
        assert saved == (len(limits) > 1), "after every step"
        return Outcome(None if each.name == "b" else {}, "no" if each.name == "b" else "", 1.0, "")

    monkeypatch.setattr(check, "run", ran)
    monkeypatch.setattr(check, "steps", lambda *_: [step("a", 100), step("b", 200), step("c", 300)])
    assert not check.check(SHORT, PLACE, tmp_path, tmp_path)
    assert limits == pytest.approx([100, 300, 600], abs=60)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {name: each["failure"] for name, each in figures["steps"].items()} == {"a": "", "b": "no", "c": ""}
    assert "b: no" in (tmp_path / "tables.md").read_text()


@pytest.mark.parametrize(("device", "decoder"), [("cpu", "cpu"), ("cuda", "cpu"), ("cuda", "cuda")])
def test_the_config_is_one_that_serve_takes(device: str, decoder: str) -> None:
    config = configured(device, decoder, "serve_app.app:build")
    assert not lint_serve(config)
    [application] = config["applications"]
    booked = [each.get("ray_actor_options", {}).get("num_gpus", 0) for each in application["deployments"]]
    assert sum(booked) == (0 if device == "cpu" else 1)
    assert sum(map(bool, booked)) == [device, decoder].count("cuda")


def test_the_application_finds_the_devices_libraries_and_learns_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64")
    assert device_variables() == {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64"}


def test_the_decoder_is_compared_on_the_device_and_as_the_application_runs_it() -> None:
    assert [str(each) for each in contenders("cuda")] == [
        "torch", "onnxruntime", "torch on cuda", "torch:bfloat16 on cuda",
    ]  # fmt: skip
    assert [str(each) for each in contenders("cpu")] == ["torch", "onnxruntime", "torch:bfloat16"]


@pytest.mark.slow
def test_the_bare_click_is_on_the_thing_that_the_application_is_asked_for() -> None:
    prompt = clicked(0)
    assert prompt.points.shape == (1, 2)
    assert ((prompt.points > 0) & (prompt.points < 1)).all()


def test_a_mask_is_compared_with_the_candidate_that_it_is() -> None:
    mask = np.zeros((4, 4), np.bool_)
    mask[:2] = True
    nearly = mask.copy()
    nearly[0, 0] = False
    assert likest([~mask, nearly, np.ones_like(mask)], mask) is nearly


def encoder(folder: Path) -> Any:
    return Breakable(Instant(), folder).load_encoder(1)


class Running:
    """An application that answers clicks with ``answers``, and those on the known image always."""

    def __init__(self, *answers: int) -> None:
        self.bodies = [{"image": number} for number in range(6)]
        self.client = self
        self.asked: list[int] = []
        self._answers = list(answers)

    def post(self, path: str, json: dict[str, int]) -> httpx.Response:
        if json["image"] == 0:
            return httpx.Response(200)
        self.asked.append(json["image"])
        status = self._answers.pop(0)
        return httpx.Response(status, json={"error": "device_failed", "detail": f"sentence {status}"})


def test_a_new_image_is_clicked_on_until_it_gets_its_mask() -> None:
    running = Running(503, 504, 200, 200)
    clicker = Clicker(cast(Graph, running), iter(running.bodies[1:]))
    assert [clicker.new() for _ in range(4)] == [False, False, True, True]
    assert running.asked == [1, 1, 1, 2]
    assert clicker.refused == ["503 device_failed", "504 device_failed"]
    assert (clicker.sentence, clicker.known, clicker.lost) == ("sentence 503", 4, 0)


def test_a_full_device_fails_until_it_has_room(tmp_path: Path) -> None:
    breakable = encoder(tmp_path)
    (tmp_path / FULL).touch()
    with pytest.raises(OutOfMemory):
        breakable.encode([PIXELS])
    (tmp_path / FULL).unlink()
    assert len(breakable.encode([PIXELS])) == 1


def test_a_broken_device_stays_broken_and_another_process_has_a_sound_one(tmp_path: Path) -> None:
    first, second = encoder(tmp_path), encoder(tmp_path)
    (tmp_path / BROKEN).touch()
    for _ in range(2):
        with pytest.raises(DeviceFailed, match="device-side assert"):
            first.encode([PIXELS])
    assert len(second.encode([PIXELS])) == 1


def test_what_is_measured_so_far_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"

    def figures() -> Iterator[dict[str, Any]]:
        yield {"row": 1}
        assert json.loads(file.read_text()) == [{"row": 1}]
        yield {"row": 2}

    assert collected(figures(), file) == [{"row": 1}, {"row": 2}] == json.loads(file.read_text())


MASKS = {"mean": 0.995, "least": 0.98}
CLICKS = {
    "runs_in": {"encoder": "torch on cuda in bfloat16"},
    "ready": 21.4,
    "first": [120.0, 80.0, 90.0],
    "again": 31.25,
    "stages": {"decode": 20.0},
    "masks": MASKS,
    "encoder_mib": 3000.0,
    "decoder_mib": 400.0,
}
FOUND: dict[str, Any] = {
    CARD: {"card": "NVIDIA H200, 140 GiB, CUDA 13.0", "machine": "a machine"},
    WEIGHTS: {"mobile_sam": "stand-in", "sam_vit_h": "published"},
    CLICK: CLICKS,
    FAILURE: [
        {
            "name": "no memory left",
            "refused": ["503 out_of_memory", "503 out_of_memory"],
            "sentence": "cuda has too little",
            "known": 3,
            "lost": 1,
            "back": None,
            "replaced": True,
        }
    ],
    DECODERS: [
        {"model": "mobile_sam", "work": "click", "runner": "torch", "cost": {"wall": 0.012}, "masks": MASKS}
    ],
    "encoder, sam_vit_h": {
        "rows": [
            {
                "model": "sam_vit_h",
                "setting": {"compiling": "none", "batch": 8},
                "figures": {"memory": 9.96, "start": 1.25, "masks": MASKS},
                "speed": {"network": 80.25, "uint8": 70.0},
                "failure": "",
            },
            {
                "model": "sam_vit_h",
                "setting": {"compiling": "none", "batch": 16},
                "figures": None,
                "failure": "out of memory",
            },
        ]
    },
}


def figures(found: dict[str, Any], failed: Sequence[str] = ()) -> dict[str, Any]:
    done = {name: {"figures": each, "failure": "", "seconds": 1.0} for name, each in found.items()}
    late = {name: {"figures": None, "failure": "its time was over", "seconds": 1.0} for name in failed}
    return {"form": "full", "device": "cuda", "steps": {**done, **late}}


def test_the_tables_have_the_cards_name_and_every_figure() -> None:
    text = markdown(figures(FOUND))
    for line in (
        "NVIDIA H200, 140 GiB, CUDA 13.0; a machine",
        "| sam_vit_h | none | 8 | 80.25 | 70 | 75 | 10.0 | 1.2 | 0.9950 | 0.9800 |  |",
        "| sam_vit_h | none | 16 | - | - | 75 | - | - | - | - | out of memory |",
        "| the encoder runs in | torch on cuda in bfloat16 |",
        "| first click | 90 |",
        "| next click | 31.2 |",
        "| no memory left | 2 x 503 out_of_memory | 3 of 4 | never | yes | cuda has too little |",
        "| mobile_sam | click | torch | 12.0 | 0.99500 | 0.98000 |",
    ):
        assert line in text
    assert "Stand-in weights of mobile_sam:" in text


def test_there_are_tables_of_what_there_is() -> None:
    text = markdown(figures({CARD: FOUND[CARD]}, failed=(CLICK, DECODERS)))
    assert "###" not in text
    assert f"{CLICK}: its time was over" in text
    assert markdown(figures({})).startswith("cuda; an unknown machine")


@pytest.mark.full
@pytest.mark.cluster
@pytest.mark.timeout(1200)
def test_the_short_form_comes_to_its_end_without_a_gpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = json.loads((tmp_path / "figures.json").read_text())["steps"]
    assert all(each["figures"] and not each["failure"] for each in found.values())
    memory, broken = found[FAILURE]["figures"]
    assert "503 out_of_memory" in memory["refused"]
    assert memory["back"] is not None
    assert broken["back"] is not None
    assert broken["replaced"]
    assert memory["lost"] == broken["lost"] == 0
