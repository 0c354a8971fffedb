from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from benchmarks.agreement import Agreement
from benchmarks.encoder import tables
from benchmarks.encoder.__main__ import run, saved
from benchmarks.encoder.goals import ALIKE, GOALS, MISSED, NOT_MEASURED, REACHED, Verdict, verdicts
from benchmarks.encoder.network import (
    Compiling,
    Dtype,
    Network,
    Setting,
    described,
    device_described,
    opened,
    place_of,
)
from benchmarks.encoder.plan import ON_CPU, ON_GPU, Plan, arguments, plan_of, row_units
from benchmarks.encoder.report import PUBLISHED, STAND_IN, Report
from benchmarks.encoder.speed import (
    FLOAT32,
    NETWORK,
    OUT_OF_MEMORY,
    UINT8,
    WAYS,
    Effort,
    Figures,
    Reference,
    Row,
    failure,
    measured,
    pictures,
    without_tf32,
)
from benchmarks.models.contenders import stands_in
from segmenters.checkpoints.locate import Checkpoint
from segmenters.models import ARCHITECTURES
from segmenters.models import PUBLISHED as PUBLISHED_FILES
from segmenters.runtimes.torch_runtime import TorchDevice
from segmenters.sam.execution import Execution
from segmenters.sam.segmenter import SamEncoder, SegmentAnything
from testing.weights.models import stand_in
from testing.weights.publishing import publish
from values.errors import ModelError

SAME = Agreement(1.0, 1.0)
ONE = Setting(Dtype.BFLOAT16, Compiling.NONE, 1)
TINY = "sam2.1_hiera_tiny"
H200 = "NVIDIA H200, 140 GiB, CUDA 13.0"
LONGEST = Dtype.BFLOAT16, Compiling.MAX_AUTOTUNE
TINY_GOAL = GOALS[TINY]


class Small(nn.Module):
    """Gives arrays of MobileSAM's shape, and counts; of more than ``most`` images it wants an exbibyte."""

    def __init__(self, most: int = 8) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, 256, 1)  # behind a mean: large kernels in 16 bits take a CPU seconds
        self.most = most
        self.images: list[Tensor] = []
        self.seen: list[torch.dtype] = []

    def forward(self, image: Tensor) -> tuple[Tensor]:
        self.images.append(image)
        if len(image) > self.most:
            torch.empty(2**60, dtype=torch.uint8)
        found = self.proj(nn.functional.avg_pool2d(image, 16))
        self.seen.append(found.dtype)
        return (found,)


def small(
    most: int = 8, dtype: Dtype = Dtype.FLOAT32, version: str = "small-00000000"
) -> tuple[Small, Network]:
    module = Small(most).eval().requires_grad_(False)
    return module, Network(place_of(dtype, "cpu", 1), module, ARCHITECTURES["mobile_sam"], version)


def model(name: str = "mobile_sam") -> SegmentAnything:
    return SegmentAnything(
        name, Checkpoint(Path("nowhere.pt"), "0" * 64, None, name), Execution("cpu"), Path()
    )


def alike(_: SamEncoder, __: int) -> Agreement:
    return SAME


def row(speed: float, mean: float = 1.0, name: str = TINY, batch: int = 2, network: float = 2.0) -> Row:
    """``speed``: images per second from uint8. ``network``: times as many for the network alone."""
    seconds = {NETWORK: batch / speed / network, UINT8: batch / speed}
    return Row(name, replace(ONE, batch=batch), Figures(seconds, 1.5, 3.25, Agreement(mean, 0.5)))


def of_tiny(rows: list[Row], device: str = H200, stand_ins: set[str] | None = None) -> dict[str, Verdict]:
    found = verdicts(rows, device, stand_ins or set())
    return {each.way: each for each in found if each.model == TINY}


def test_every_way_is_timed_with_the_batch_that_is_asked_for() -> None:
    module, network = small()
    asked: list[int] = []

    def judge(encoder: SamEncoder, batch: int) -> Agreement:
        asked.append(batch)
        assert len(encoder.encode(pictures(1) * batch)) == batch
        return Agreement(0.5, 0.25)

    found = measured(model(), network, replace(ONE, batch=3), Effort(2, 4), judge)
    assert found.figures is not None
    assert tuple(found.figures.seconds) == (NETWORK, UINT8)
    assert min(found.figures.seconds.values()) > 0
    assert found.figures.masks == Agreement(0.5, 0.25)
    assert found.figures.memory is None  # that of a GPU
    assert asked == [3]
    assert [len(each) for each in module.images] == [3] * (2 + 2 * (1 + 4))


def test_sam_2_is_timed_with_the_floats_that_decoding_gives_it_as_well() -> None:
    _, network = small()
    found = measured(model(TINY), network, ONE, Effort(1, 1), alike)
    assert found.figures is not None
    assert tuple(found.figures.seconds) == WAYS
    assert all(found.speed(way) for way in WAYS)
    assert measured(model(), network, ONE, Effort(1, 1), alike).speed(FLOAT32) is None


def test_a_batch_that_needs_too_much_memory_is_a_row_that_says_so_and_others_go_on() -> None:
    _, network = small(most=2)
    rows = [measured(model(), network, replace(ONE, batch=each), Effort(1, 1), alike) for each in (3, 2)]
    assert rows[0] == Row("mobile_sam", replace(ONE, batch=3), None, OUT_OF_MEMORY)
    assert rows[1].figures is not None


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"), OUT_OF_MEMORY),
        (RuntimeError("backend='inductor' raised: OutOfMemoryError: CUDA out of memory"), OUT_OF_MEMORY),
        (MemoryError(), OUT_OF_MEMORY),
        (RuntimeError("no kernel"), "torch failed to run the model on cpu: no kernel"),
    ],
)
def test_a_failure_is_what_torch_said(why: Exception, said: str) -> None:
    with pytest.raises(ModelError) as caught, TorchDevice("cpu", 1, bfloat16=False).computing():
        raise why
    assert failure(caught.value) == said


def test_a_failure_without_anything_behind_it_is_its_own_sentence() -> None:
    assert failure(ModelError("there is no such file")) == "there is no such file"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", list(Dtype))
def test_the_bare_network_computes_in_the_dtype_in_which_the_whole_way_does(dtype: Dtype) -> None:
    module, network = small(dtype=dtype)
    [picture] = pictures(1)
    images = network.images([np.asarray(picture.rgb, np.uint8)])
    network.run(images)
    [embedding] = network.encoder.encode([picture])
    assert images.shape == (1, 3, 1024, 1024)
    assert module.seen == [getattr(torch, dtype)] * 2
    assert embedding.arrays["image_embeddings"].dtype == np.float32


def test_the_bare_network_is_given_what_the_whole_way_makes_of_pixels() -> None:
    module, network = small()
    batch = pictures(2)
    network.run(network.images([np.asarray(each.rgb, np.uint8) for each in batch]))
    network.encoder.encode(batch)
    bare, whole = module.images
    torch.testing.assert_close(bare, whole)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
def test_a_network_is_compiled_only_where_that_is_asked_for() -> None:
    _, network = small()
    assert network.compiled(Compiling.NONE) is network
    assert network.compiled(Compiling.DEFAULT) is not network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module", params=["small", pytest.param("mobile_sam", marks=pytest.mark.full)])
def encoding(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is opened as MobileSAM: an encoder of one layer, or itself, which takes seconds an image."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "small":
            patched.setattr("benchmarks.encoder.network.load", lambda *_: seeded(0))
        yield


def seeded(seed: int) -> Small:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Small().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def found(folder: Path, encoding: None) -> tuple[Report, str, list[int]]:
    """A quick run of one batch size, what it printed, and how many rows there were at each save."""
    asked = arguments(["--quick", "--batches", "1", "--checkpoints", str(folder / "none")])
    console, counts = Console(width=220, force_terminal=False), []
    with console.capture() as capture:
        report = run(plan_of(asked, folder), console, lambda report: counts.append(len(report.rows)))
    return report, capture.get(), counts


@pytest.mark.slow
def test_a_quick_run_measures_and_prints(found: tuple[Report, str, list[int]]) -> None:
    report, said, counts = found
    assert counts == [1, 2]
    exact, rounded = report.rows
    assert [each.setting.dtype for each in report.rows] == [Dtype.FLOAT32, Dtype.BFLOAT16]
    assert exact.figures is not None
    assert rounded.figures is not None
    assert exact.figures.masks == SAME
    assert 0.9 < rounded.figures.masks.mean < 1
    assert rounded.figures.masks.least < rounded.figures.masks.mean
    for text in (report.machine, "cpu, ", "mobile_sam, stand-in weights", "bfloat16", "not measured"):
        assert text in said


@pytest.mark.slow
def test_a_report_is_written_as_json_and_as_markdown(
    found: tuple[Report, str, list[int]], tmp_path: Path
) -> None:
    report = found[0]
    names = ["--json", str(tmp_path / "figures.json"), "--markdown", str(tmp_path / "tables.md")]
    saved(arguments(names), report)
    values = json.loads((tmp_path / "figures.json").read_text())
    assert values["weights"] == {"mobile_sam": STAND_IN}
    for line, own in zip(values["rows"], report.rows, strict=True):
        assert line["setting"]["dtype"] == own.setting.dtype
        assert line["speed"][UINT8] == own.speed(UINT8)
        assert line["speed"][FLOAT32] is None
        assert 0 < line["figures"]["masks"]["least"] <= line["figures"]["masks"]["mean"] <= 1
    assert len(values["goals"]) == 2 * len(GOALS)
    text = (tmp_path / "tables.md").read_text()
    assert "### mobile_sam, stand-in weights" in text
    assert "| bfloat16 | none | 1 |" in text
    assert report.machine in text


@pytest.mark.slow
def test_the_reference_tells_its_own_network_from_another(folder: Path, encoding: None) -> None:
    own = stand_in("mobile_sam", folder)
    reference = Reference(own, "cpu", 1, 2)
    exact = opened(own, Dtype.FLOAT32, "cpu", 1).encoder
    assert reference.agreement(exact, 2).least > 0.999
    module, other = small(version=own.version)
    for batch, calls in ((1, [1, 1]), (3, [3])):  # three scenes where there are two: the first one again
        assert reference.agreement(other.encoder, batch).mean < 0.9
        assert [len(each) for each in module.images] == calls
        module.images.clear()


def test_the_reference_turns_tf32_off_for_itself_only() -> None:
    before = torch.backends.cudnn.allow_tf32
    with without_tf32():
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.allow_tf32 is before is True


def test_a_model_that_cannot_be_loaded_has_a_row_for_every_setting() -> None:
    plan = Plan([model()], "cpu", [ONE, replace(ONE, batch=2)], Effort(1, 1), 1, 1)
    saves: list[int] = []
    report = run(plan, Console(quiet=True), lambda report: saves.append(len(report.rows)))
    assert saves == [1, 2]
    assert [each.setting for each in report.rows] == plan.settings
    for each in report.rows:
        assert each.figures is None
        assert "no checkpoint of mobile_sam" in each.failure


def test_a_device_that_is_not_there_ends_the_run_before_anything_is_loaded() -> None:
    plan = Plan([model()], "cuda:99", [ONE], Effort(1, 1), 1, 1)
    with pytest.raises(ModelError, match="cuda:99"):
        run(plan, Console(quiet=True), lambda report: None)


def test_the_device_has_a_line() -> None:
    assert device_described("cpu", 2) == "cpu, 2 threads"


def test_goals_are_judged_for_the_network_and_for_the_whole_way() -> None:
    found = of_tiny([row(TINY_GOAL / 2, network=2), row(TINY_GOAL / 4, network=2)])
    assert tuple(found) == (NETWORK, UINT8)
    assert (found[NETWORK].speed, found[UINT8].speed) == (REACHED, MISSED)
    assert found[NETWORK].masks == found[UINT8].masks == REACHED
    assert {each.model for each in verdicts([], H200, set())} == set(GOALS)


def test_the_fastest_counts_of_those_with_masks_alike() -> None:
    slow, fast = row(TINY_GOAL - 1, ALIKE), row(TINY_GOAL, ALIKE - 1e-6)
    both = of_tiny([slow, fast, row(9999, name="sam_vit_b")])[UINT8]
    assert (both.row, both.speed, both.masks) == (slow, MISSED, REACHED)
    alone = of_tiny([fast])[UINT8]
    assert (alone.row, alone.speed, alone.masks) == (fast, REACHED, MISSED)


def test_masks_of_stand_in_weights_are_not_judged_and_do_not_stand_in_the_way() -> None:
    fast = row(TINY_GOAL, 0.5)
    found = of_tiny([row(1.0), fast], stand_ins={TINY})[UINT8]
    assert (found.row, found.speed, found.masks) == (fast, REACHED, NOT_MEASURED)


def test_nothing_is_judged_on_another_device_and_without_figures() -> None:
    elsewhere = of_tiny([row(TINY_GOAL)], "NVIDIA H100")[UINT8]
    assert elsewhere.row is not None
    assert elsewhere.speed == elsewhere.masks == NOT_MEASURED
    failed = of_tiny([Row(TINY, ONE, None, OUT_OF_MEMORY)])[UINT8]
    assert (failed.row, failed.speed, failed.masks) == (None, NOT_MEASURED, NOT_MEASURED)


def test_the_cells_of_a_row() -> None:
    line = tables.speed_line(row(4.0, 0.987654))
    assert line[:7] == ("bfloat16", "none", "2", "8.00", "125.00", "4.00", "250.00")
    assert line[7:] == ("-", "-", "3.2", "1.5", "0.9877", "0.5000", "")
    failed = tables.speed_line(Row(TINY, ONE, None, OUT_OF_MEMORY))
    assert failed == ("bfloat16", "none", "1", *["-"] * 10, OUT_OF_MEMORY)


def test_the_cells_of_a_verdict() -> None:
    verdict = Verdict(TINY, UINT8, 800.0, row(812.3, 0.995), REACHED, NOT_MEASURED)
    assert tables.goal_line(verdict) == (
        TINY, UINT8, "800", "812", "bfloat16, compile none, batch 2", "0.9950", REACHED, NOT_MEASURED,
    )  # fmt: skip
    nothing = tables.goal_line(replace(verdict, row=None))
    assert nothing[3:6] == ("-", "-", "-")


def test_the_tables_have_a_cell_for_every_heading_and_fit_where_nobody_looks_at_a_terminal() -> None:
    long = replace(row(1234.5, name="sam2.1_hiera_base_plus"), setting=Setting(*LONGEST, 16))
    report = Report("machine", H200, {long.model: PUBLISHED}, [long, replace(long, figures=None)])
    for sheet, captions in (report.page(long.model), report.goals()):
        assert {len(line) for line in sheet.lines} == {len(sheet.headings)}
        console = Console(width=160, force_terminal=False)
        assert console.measure(tables.drawn(sheet, captions)).maximum <= 160
        rows = [line for line in tables.markdown(sheet, captions).splitlines() if line[:1] == "|"]
        assert {line.count("|") for line in rows} == {len(sheet.headings) + 1}


def test_markdown_and_markup_in_a_failure_are_shown_as_they_are() -> None:
    sheet, captions = Report("m", "cpu", {TINY: STAND_IN}, [Row(TINY, ONE, None, "[red]a|b")]).page(TINY)
    assert "[red]a\\|b" in tables.markdown(sheet, captions)
    console = Console(width=220, force_terminal=False)
    with console.capture() as capture:
        console.print(tables.drawn(sheet, captions))
    assert "[red]a|b" in capture.get()
    assert tables.STAND_IN_CAPTION in captions


def test_stand_ins_are_named_only_where_they_are() -> None:
    assert len(Report("m", "cpu", {TINY: PUBLISHED}).page(TINY)[1]) == 1


def test_the_command_line(tmp_path: Path) -> None:
    given = ["--models", TINY, "--device", "cpu", "--keep", str(tmp_path), "--checkpoints", str(tmp_path)]
    plan = plan_of(arguments([*given, "--dtypes", "float16", "--batches", "4", "4", "1"]), tmp_path)
    assert [each.name for each in plan.models] == [TINY]
    assert [str(each) for each in plan.settings] == [
        "float16, compile none, batch 4", "float16, compile none, batch 1",
    ]  # fmt: skip
    assert (plan.device, plan.effort, plan.scenes) == ("cpu", ON_CPU.effort, ON_CPU.scenes)
    compiled = arguments([*given, "--compile", "max-autotune", "--repeats", "9", "--scenes", "7"])
    plan = plan_of(compiled, tmp_path)
    assert {each.compiling for each in plan.settings} == {Compiling.MAX_AUTOTUNE}
    assert (plan.effort, plan.scenes) == (Effort(1, 9), 7)


def test_on_a_gpu_every_dtype_and_mode_of_every_model_with_a_goal_is_meant() -> None:
    assert set(GOALS) <= set(ON_GPU.models) <= set(ARCHITECTURES)
    assert ON_GPU.dtypes == tuple(Dtype)
    assert ON_GPU.compiling == tuple(Compiling)
    assert ON_GPU.effort.warmups >= 3


@pytest.mark.parametrize(
    "given",
    [["--batches", "0"], ["--repeats", "x"], ["--device", "tpu"], ["--models", "sam"], ["--dtypes", "int8"]],
)
def test_a_command_line_that_cannot_be_read_ends_in_a_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(given)
    assert f"argument {given[0]}" in capsys.readouterr().err


def test_a_published_checkpoint_is_taken_where_model_dir_has_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = described("mobile_sam", folder, tmp_path)
    assert stands_in(elsewhere)
    path = tmp_path / PUBLISHED_FILES["mobile_sam"].filename
    path.write_bytes(elsewhere.checkpoint.path.read_bytes())
    publish(monkeypatch, "mobile_sam", path)
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    [found] = plan_of(arguments(["--quick"]), folder).models
    assert found.checkpoint.path == path
    assert not stands_in(found)


def test_a_damaged_checkpoint_in_model_dir_is_no_reason_to_stand_in(tmp_path: Path) -> None:
    (tmp_path / PUBLISHED_FILES["mobile_sam"].filename).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="SHA-256"):
        described("mobile_sam", tmp_path, tmp_path)


def test_the_plan_knows_its_work() -> None:
    compiled = replace(ONE, compiling=Compiling.MAX_AUTOTUNE)
    plan = Plan([model(), model(TINY)], "cpu", [ONE, compiled], Effort(1, 1), 1, 1)
    assert plan.units() == pytest.approx(sum(row_units(m, s) for m in plan.models for s in plan.settings))
    assert row_units(model(), compiled) > row_units(model(), ONE)
    assert row_units(model(TINY), ONE) > row_units(model(), ONE)
