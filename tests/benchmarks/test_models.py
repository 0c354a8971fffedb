from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import machine
from benchmarks.agreement import KINDS, Agreement, agreement, prompts, shown
from benchmarks.bar import Bar
from benchmarks.click.bare import digest
from benchmarks.click.warm import WarmClick, summary
from benchmarks.models import tables
from benchmarks.models.__main__ import CLICKS, DECODES, MODELS, Plan, arguments, contenders
from benchmarks.models.contenders import BASELINE, OFFICIAL, Contender, described, read_contender, stands_in
from benchmarks.models.fresh_decoder import FreshDecoder
from benchmarks.models.halves import ALIKE, DECODER_GOAL, ENCODER_GOALS, Row, rows, turns_of
from benchmarks.replica import Replica, Start, starts
from benchmarks.turns import Cost, Turn, cost, take_turns
from segmenters.checkpoints.locate import Checkpoint
from segmenters.models import PUBLISHED
from segmenters.runtimes.session import Half
from segmenters.sam.execution import Execution, Runtime
from segmenters.sam.segmenter import SegmentAnything
from testing.processes import Memory, memory
from tests.benchmarks.printing import printed
from values.errors import ModelError
from values.masks import Frame, Masks

SAME = Agreement(1.0, 1.0)
ONNX = Contender(Runtime.ONNXRUNTIME)


def turns(*cpu: float) -> list[Turn[None]]:
    return [Turn(each, 2 * each, None) for each in cpu]


def model(name: str, sha256: str = "0" * 64) -> SegmentAnything:
    return SegmentAnything(name, Checkpoint(Path("nowhere.pt"), sha256, None, name), Execution("cpu"), Path())


def test_every_call_gets_every_item_and_none_always_follows_the_same() -> None:
    order: list[str] = []
    ended: list[int] = []

    def named(name: str, item: int) -> tuple[str, int]:
        order.append(name)
        return name, item

    calls = {name: lambda item, name=name: named(name, item) for name in "abc"}
    taken = take_turns(calls, [1, 2, 3], lambda: ended.append(len(order)))
    assert "".join(order) == "abcbcacab"
    assert ended == list(range(1, 10))
    assert [turn.result for turn in taken["b"]] == [("b", 1), ("b", 2), ("b", 3)]


def test_a_turn_counts_the_time_of_its_own_call_only() -> None:
    taken = take_turns({"busy": lambda _: sum(range(1_000_000)), "idle": lambda _: 0}, [0, 0], lambda: None)
    assert all(turn.cpu > 0 and turn.wall > 0 for turn in taken["busy"])
    assert min(turn.cpu for turn in taken["busy"]) > max(turn.cpu for turn in taken["idle"])


def test_the_first_turn_warms_up_and_does_not_count() -> None:
    assert cost(turns(100, 1, 3, 2)) == Cost(2, 4)
    with pytest.raises(ValueError, match="one that counts"):
        cost(turns(1))


@pytest.mark.parametrize("kind", KINDS)
def test_prompts_are_a_function_of_their_arguments_and_inside_the_image(kind: str) -> None:
    first, again, other = (prompts(kind, seed, 200, 100, 5) for seed in (1, 1, 2))
    assert len(first) == 5
    for prompt, same, differs in zip(first, again, other, strict=True):
        where = prompt.points if prompt.box is None else prompt.box.reshape(2, 2)
        there = same.points if same.box is None else same.box.reshape(2, 2)
        elsewhere = differs.points if differs.box is None else differs.box.reshape(2, 2)
        np.testing.assert_array_equal(where, there)
        assert not np.array_equal(where, elsewhere)
        assert prompt.count == (3 if kind == "3 clicks" else 1)
        assert ((where >= 0) & (where <= 1)).all()
        if prompt.box is None:
            assert prompt.labels[0] == 1
        else:
            assert (where[1] - where[0] >= 0.2).all()


def test_masks_are_compared_candidate_by_candidate() -> None:
    left, half = np.zeros((2, 4), np.bool_), np.zeros((2, 4), np.bool_)
    left[:, :2], half[:, :1] = True, True
    assert agreement([([left, half], [left, half])]) == SAME
    assert agreement([([left], [half]), ([left], [left])]) == Agreement(0.75, 0.5)
    with pytest.raises(ValueError, match="zip"):
        agreement([([left, half], [left])])
    with pytest.raises(ValueError, match="no masks"):
        agreement([])


def test_all_candidates_are_shown_at_the_size_of_the_image_in_their_order() -> None:
    logits = np.stack([np.full((4, 4), value, np.float32) for value in (-1, 1)])
    masks = Masks(logits, np.array([0.1, 0.9], np.float32), Frame(None, (4, 4)))
    off, on = shown(masks, 8, 6)
    assert off.shape == on.shape == (6, 8)
    assert not off.any()
    assert on.all()


def test_rows_have_their_ratio_to_both_baselines() -> None:
    measured = {OFFICIAL: turns(9, 8), str(BASELINE): turns(9, 6), str(ONNX): turns(9, 2)}
    official, ours, onnx = rows("sam_vit_b", "image", 1, measured, dict.fromkeys(measured, SAME))
    assert (official.ours, official.official) == (0.75, 1.0)
    assert ours.ours == 1.0
    assert ours.official == pytest.approx(8 / 6)
    assert (onnx.ours, onnx.official) == (3.0, 4.0)
    assert [row.goal for row in (official, ours, onnx)] == [None, None, ENCODER_GOALS["sam_vit_b"]]


def test_without_the_publishers_network_there_is_no_ratio_to_it() -> None:
    measured = {str(BASELINE): turns(9, 6), str(ONNX): turns(9, 2)}
    found = rows("mobile_sam", "box", 1, measured, dict.fromkeys(measured, SAME))
    assert [row.official for row in found] == [None, None]
    assert found[1].goal == DECODER_GOAL


@pytest.mark.parametrize(
    ("ours", "official", "least", "reached"),
    [
        (2.0, None, ALIKE, True),
        (1.9, None, 1.0, False),
        (2.0, 1.9, 1.0, False),
        (1.9, 2.0, 1.0, True),
        (9.0, 9.0, 0.9989, False),
    ],
)
def test_a_goal_is_reached_against_the_publishers_network_with_masks_alike(
    ours: float, official: float | None, least: float, reached: bool
) -> None:
    row = Row("mobile_sam", "image", 1, "onnxruntime", Cost(1, 1), ours, official, Agreement(1.0, least), 2.0)
    assert row.reached is reached


def test_a_row_without_a_goal_neither_reaches_nor_misses() -> None:
    assert Row("m", "image", 1, "torch", Cost(1, 1), 1, None, SAME, None).reached is None


def test_the_tables_of_the_halves() -> None:
    row = Row("mobile_sam", "box", 2, "openvino", Cost(0.0301, 0.0412), 2.5, None, Agreement(1.0, 0.5), 1.8)
    line = ("mobile_sam", "2", "box", "openvino", "30.1", "41.2", "2.50", "-", "1.00000", "0.50000")
    *cells, goal = tables.half_line(Half.DECODER, row)
    assert tuple(cells) == line
    assert "missed" in goal
    encoder = tables.half_line(Half.ENCODER, row)
    assert encoder[:5] == ("mobile_sam", "2", "openvino", "0.03", "0.04")
    for half in Half:
        table = tables.half_table(half, [row, row])
        assert len(table.columns) == len(tables.half_line(half, row))
        assert table.row_count == 2


def test_medians_of_clicks_by_stage() -> None:
    times = ((1.0, 9.0), (3.0, 1.0), (2.0, 3.0))
    bares = [{"decode": decode, "resample": resample, "region": 3.0} for decode, resample in times]
    wholes = [{"decode": 4.0, "resample": 1.0, "region": 1.0, "http": each} for each in (4.0, 6.0, 5.0)]
    click = summary(bares, wholes, [1.0, 5.0, 2.0], same=True)
    assert (click.bare, click.whole, click.others, click.floor) == (8.0, 11.0, 7.0, 2.0)
    assert click.bare_stages == {"decode": 2.0, "resample": 3.0, "region": 3.0}
    assert click.whole_stages == {"decode": 4.0, "resample": 1.0, "region": 1.0, "http": 5.0}
    assert click.ratio == pytest.approx(11 / 8)
    assert click.own_ratio == pytest.approx(11 / 6)
    assert click.without_floor == pytest.approx(9 / 8)


@pytest.mark.parametrize(
    ("bare", "decode", "reached"), [(10.0, 10.0, True), (9.0, 10.0, False), (20.0, 9.0, False)]
)
def test_the_goal_of_a_click_is_reached_by_both_ratios(bare: float, decode: float, reached: bool) -> None:
    inside = {"decode": decode, "resample": 0.0, "region": 0.0}
    assert WarmClick(bare, 11.0, 2.0, 1.0, inside, inside, True).reached is reached


def test_the_table_of_the_click_says_when_masks_differ() -> None:
    stages = {"decode": 8.0, "resample": 1.0, "region": 1.0}
    same = printed(tables.click_table(WarmClick(10, 11, 3, 1, stages, stages | {"http": 1.0}, True)))
    assert "1.100" in same
    assert "reached" in same
    differ = printed(tables.click_table(WarmClick(10, 12, 3, 1, stages, stages, False)))
    assert "DIFFERENT" in differ
    assert "missed" in differ


@pytest.mark.parametrize(("peak", "start", "missed"), [(599, 4.9, 0), (601, 4.9, 1), (599, 5.1, 1)])
def test_the_table_of_a_replica_judges_the_worse(peak: float, start: float, missed: int) -> None:
    fresh = FreshDecoder(1.0, Memory(80, 80), Memory(90, 95), (18.0, None), torch=False)
    replica = Replica(Memory(100, peak), False, Start(9, 0.5), Start(start, 0.5))
    assert printed(tables.replica_table(fresh, replica)).count("missed") == missed


def test_the_digest_is_that_of_the_masks_however_they_came() -> None:
    def region(rle: object) -> dict[str, object]:
        return {"id": rle, "value": {"rle": rle}}

    assert digest([region([1, 255])]) == digest([region(np.array([1, 255], np.uint8))])
    assert digest([region([1, 255])]) != digest([region([1, 254])])


def test_memory_is_read_in_mib() -> None:
    assert memory("Name:\tray::A: b\nVmHWM:\t  4096 kB\nVmRSS:\t  2048 kB\n") == Memory(2.0, 4.0)
    with pytest.raises(KeyError):
        memory("Name:\tended\nState:\tZ (zombie)\n")


def test_starts_are_those_of_decoders_only() -> None:
    log = "".join(
        f"INFO controller 7 -- Replica(id='x', deployment='{name}', app='segment-anything') started "
        f"successfully on node 'n' after {whole}s (PID: 1). Replica constructor, reconfigure method, and "
        "initial health check took 0.2s.\n"
        for name, whole in (("Encoder", 6.6), ("Decoder", 6.9), ("Decoder", 2.0))
    )
    assert starts(log) == [Start(6.9, 0.2), Start(2.0, 0.2)]


def test_the_processor_has_a_name_on_linux_and_an_architecture_elsewhere() -> None:
    assert machine.processor("processor\t: 0\nmodel name\t: Some  CPU\n") == "Some CPU"
    assert machine.processor("")
    assert "torch" in machine.described()


def test_contenders_are_read_back_as_they_are_written() -> None:
    for text in ("torch", "torch:bfloat16", "onnxruntime", "openvino", "openvino:bfloat16"):
        assert str(read_contender(text)) == text
    for text, why in (("onnx", "no runtime"), ("", "no runtime"), ("onnxruntime:bfloat16", "no bfloat16")):
        with pytest.raises(ValueError, match=why):
            read_contender(text)


def test_torch_in_float32_always_runs_and_is_the_first() -> None:
    assert contenders([ONNX, ONNX, BASELINE]) == [BASELINE, ONNX]
    assert contenders([]) == [BASELINE]
    assert contenders(None)[:2] == [BASELINE, ONNX]


def test_the_command_line() -> None:
    given = arguments(["--models", "sam_vit_b, mobile_sam", "--runtimes", "openvino", "--threads", "1,2"])
    assert given.models == ["sam_vit_b", "mobile_sam"]
    assert given.runtimes == [Contender(Runtime.OPENVINO)]
    assert given.threads == [1, 2]
    default = arguments([])
    assert (default.models, default.runtimes, default.threads) == (MODELS.split(","), None, [1])


@pytest.mark.parametrize(
    "given",
    [["--threads", "0"], ["--threads", "1,x"], ["--repeats", "-1"], ["--half", "both"], ["--runtimes", "tf"]],
)
def test_a_command_line_that_cannot_be_read_ends_in_a_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(given)
    assert f"argument {given[0]}" in capsys.readouterr().err


def test_a_published_checkpoint_is_taken_where_it_lies(tmp_path: Path) -> None:
    published = tmp_path / PUBLISHED["sam_vit_h"].filename
    published.write_bytes(b"")
    found = described("sam_vit_h", tmp_path / "kept", tmp_path)
    assert found.checkpoint.path == published
    assert not stands_in(found)
    assert stands_in(model("sam_vit_h"))
    with pytest.raises(ModelError, match="SHA-256"):
        found.weights()


@pytest.mark.parametrize(("name", "why"), [("sam_vit_h", "--checkpoints"), ("sam_vit_z", "no model")])
def test_a_model_without_weights_is_named(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        described(name, tmp_path, tmp_path)


def test_the_plan_knows_its_work() -> None:
    vit, small = model("sam_vit_b"), model("mobile_sam")
    both = [BASELINE, ONNX]
    encoder = Plan([vit, small], both, [1], 2, [Half.ENCODER])
    assert encoder.units() == pytest.approx(turns_of(Half.ENCODER, 2, 2) * (93.7 + 10.1))
    assert Plan([vit, small], both, [1, 2], 2, [Half.ENCODER]).units() == 2 * encoder.units()
    decoder = Plan([small], both, [1], 2, [Half.DECODER])
    assert decoder.repeats_of(Half.DECODER) == 2 * DECODES
    assert decoder.clicks() == 0
    assert Plan([small], both, [1], 2, ["click"]).clicks() == 2 * CLICKS


def test_the_bar_says_how_much_is_left() -> None:
    times = iter([0.0, 60.0])
    bar = Bar(4, clock=lambda: next(times))
    assert bar.state() == "  0 %"
    bar.advance(1)
    assert bar.state() == " 25 %, 3 min left:"
