from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.click.latency import Pictures
from benchmarks.images.large_pictures import SIZES
from benchmarks.peer import tables, turns, weights
from benchmarks.peer.__main__ import Sides, arguments, our_settings, run
from benchmarks.peer.clicking import FAILED, Answer, Crowd, ask, crowd
from benchmarks.peer.key_values import KeyValues
from benchmarks.peer.network import predictor
from benchmarks.peer.one_image import OneImage
from benchmarks.peer.plan import CROWD, CROWD_MEGAPIXELS, LONE, Plan, plan_of
from benchmarks.peer.regions import prompt, region
from benchmarks.peer.rows import CROWD_GOAL, GOAL_CROWD, Figures, Kind, Latency, crowd_row, latency_row
from benchmarks.peer.running import RunningPeer, running_peer
from benchmarks.peer.scenes import Gallery, Scene, gallery, requests
from benchmarks.peer.trees import Tree, tree
from benchmarks.peer.turns import OURS, PEER, Match, Side
from benchmarks.peer.verdicts import Alone, agreement, digest, iou, mask_of
from protocol import brush_rle
from segmenters.models import ARCHITECTURES
from serve_app.settings import Settings
from testing.brush_converter import mask2rle
from testing.label_studio_masks import keypoint, rectangle
from testing.running_app import free_port
from testing.scenes import scene as draw
from testing.weights import checkpoints
from tests.benchmarks.printing import printed

Mask = NDArray[np.bool_]

MODEL = "mobile_sam"
SHAPE = (12, 16)
ANSWERED = 200


def scene(name: str = "a.jpg", clicks: int = 2) -> Scene:
    return Scene(
        name, 2, tuple(json.dumps({"picture": name, "click": each}).encode() for each in range(clicks))
    )


def disc(x: int, radius: float = 3.0) -> Mask:
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray((columns - x) ** 2 + (rows - 6) ** 2 < radius**2)


def body(mask: Mask) -> bytes:
    value = {"rle": brush_rle.encode(mask).tolist()}
    found = {"value": value, "original_width": SHAPE[1], "original_height": SHAPE[0]}
    return json.dumps({"results": [{"result": [found] if mask.any() else []}]}).encode()


def answer(mask: Mask, click: int = 0, name: str = "a.jpg", seconds: float = 1.0) -> Answer:
    return Answer(scene(name), click, seconds, ANSWERED, body(mask))


def failure() -> Answer:
    return Answer(scene(), 0, 9.0, 500, b"no")


@contextlib.contextmanager
def serving(answered: Callable[[dict[str, Any]], tuple[int, bytes]]) -> Iterator[str]:
    """A side: its answer to the body of every /predict."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, sent = answered(asked) if self.path == "/predict" else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def figures(p50: float = 1.0, rate: float = 1.0, errors: int = 0, wrong: int = 0) -> Figures:
    return Figures(9, Latency(p50, 2 * p50, 3 * p50), rate, errors, wrong)


# The peer


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return weights.write(MODEL, tmp_path_factory.mktemp("weights") / "even.pt")


@pytest.fixture(scope="module")
def published(checkpoint: Path) -> Any:
    return predictor(ARCHITECTURES[MODEL], checkpoint)


@pytest.fixture(scope="module")
def pictures() -> Iterator[Gallery]:
    with gallery({2: 1}) as found:
        yield found


@pytest.fixture(scope="module")
def peer(checkpoint: Path) -> Iterator[RunningPeer]:
    with running_peer(MODEL, checkpoint) as found:
        yield found


def test_evened_weights_are_those_of_the_checkpoint_but_for_the_end_of_the_decoder() -> None:
    plain = checkpoints.state_dict(MODEL)
    even = weights.evened(plain)
    assert {key: value.shape for key, value in even.items()} == {
        key: value.shape for key, value in plain.items()
    }
    changed = {key for key, value in plain.items() if not torch.equal(value, even[key])}
    ends = ("output_upscaling.", "mask_tokens.", "output_hypernetworks_mlps.")
    assert changed
    assert all(key.startswith(tuple(f"mask_decoder.{end}" for end in ends)) for key in changed)


@pytest.mark.full
def test_masks_of_evened_weights_are_even_and_of_their_image_and_all_the_same(published: Any) -> None:
    found = []
    for seed in (1, 4):
        published.set_image(draw(seed, 320, 240).rgb)
        asked = {"point_coords": np.array([[100, 120]]), "point_labels": np.array([1])}
        [mask], _, _ = published.predict(**asked, multimask_output=False)
        three, scores, _ = published.predict(**asked, multimask_output=True)
        np.testing.assert_array_equal(mask, three[scores.argmax()])
        found.append(mask)
    for mask in found:
        assert 0.005 < mask.mean() < 0.995
        # Of plain stand-ins it is more than a hundred.
        assert np.count_nonzero(mask[:, 1:] != mask[:, :-1]) / len(mask) < 20
    assert iou(*found) < 0.9


def test_keys_and_values_are_written_to_disk_and_forgotten_by_every_write(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    kept = KeyValues(path)
    assert kept.get("1", "model_version") is None
    kept.set("1", "model_version", "a")
    assert (kept.get("1", "model_version"), kept.get("2", "model_version")) == ("a", None)
    KeyValues(path).set("1", "model_version", "b")
    assert kept.get("1", "model_version") == "a"  # read before, so from memory
    kept.set("2", "model_version", "c")
    assert kept.get("1", "model_version") == "b"


def test_a_prompt_is_read_in_whole_pixels_and_the_last_box_counts() -> None:
    items = [
        keypoint((3.9, 2.2), SHAPE, "Object"),
        keypoint((7.5, 8.9), SHAPE, "Object", positive=False),
        rectangle((1, 1, 5, 5), SHAPE, "Object"),
        rectangle((2.6, 3.6, 9.9, 11.2), SHAPE, "Other"),
    ]
    assert prompt(items, SHAPE[1], SHAPE[0]) == ([[3, 2], [7, 8]], [1, 0], [2, 3, 9, 11], "Other")
    assert prompt(items[:1], SHAPE[1], SHAPE[0]) == ([[3, 2]], [1], None, "Object")


def test_a_region_is_the_brush_of_the_sdk() -> None:
    mask = disc(8).astype(np.uint8)
    about = {"from_name": "tag", "original_width": SHAPE[1], "original_height": SHAPE[0]}
    found = region(mask, 0.5, about, "Object")
    assert found["value"] == {"format": "rle", "rle": mask2rle(mask * 255), "brushlabels": ["Object"]}
    assert (found["type"], found["score"], found["from_name"], len(found["id"])) == (
        "brushlabels",
        0.5,
        "tag",
        4,
    )


class Slow:
    """A predictor whose mask is its image; the second image takes until it is told."""

    def __init__(self) -> None:
        self.images = 0
        self.half_done, self.go_on = threading.Event(), threading.Event()

    def set_image(self, image: NDArray[np.uint8]) -> None:
        self.images += 1
        self.features = image[..., 0] > 128
        if self.images == 2:
            self.half_done.set()
            assert self.go_on.wait(60)

    def predict(self, **asked: Any) -> tuple[Mask, NDArray[np.float32], None]:
        assert asked["multimask_output"] is False
        return self.features[None], np.array([0.5], np.float32), None


def test_the_peer_keeps_one_image_and_gives_the_mask_of_another_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    left, right = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30, 3), np.uint8)
    left[:, :10], right[:, 20:] = 255, 255
    with gallery({}) as found:
        for name, image in (("left.png", left), ("right.png", right)):
            Pictures.pictures[f"/{name}"] = cv2.imencode(".png", image)[1].tobytes()
        slow = Slow()
        one = OneImage(slow)

        def click(name: str) -> Mask:
            [mask], _ = one.masks(f"http://{found.host}/{name}", {"id": 1}, [[1, 1]], [1], None)
            return mask > 0

        np.testing.assert_array_equal(click("left.png"), left[..., 0] > 0)
        click("left.png")
        assert slow.images == 1
        second = threading.Thread(target=click, args=("right.png",))
        second.start()
        assert slow.half_done.wait(60)
        try:
            np.testing.assert_array_equal(click("left.png"), right[..., 0] > 0)
        finally:
            slow.go_on.set()
            second.join()
        click("left.png")
        assert slow.images == 3


@pytest.mark.full
def test_the_peer_answers_a_click_with_the_publishers_mask(
    peer: RunningPeer, published: Any, pictures: Gallery
) -> None:
    [picture] = pictures.scenes[2]
    found = ask(peer.url, picture, 0)
    assert found.status == ANSWERED, found.body
    data = np.frombuffer(Pictures.pictures[f"/{picture.name}"], np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None
    published.set_image(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    items = json.loads(picture.requests[0])["params"]["context"]["result"]
    points, labels, _, _ = prompt(items, *SIZES[2])
    expected, _, _ = published.predict(np.array(points), np.array(labels), multimask_output=False)
    assert expected.any()
    assert iou(mask_of(found.body), expected[0]) > 0.98
    [prediction] = json.loads(found.body)["results"]
    assert prediction["model_version"] == "SamMLBackend-v0.0.1"
    assert prediction["result"][0]["value"]["brushlabels"] == ["Object"]


@pytest.mark.full
def test_the_peer_keeps_images_and_versions_on_disk(peer: RunningPeer, pictures: Gallery) -> None:
    [picture] = pictures.scenes[2]
    assert ask(peer.url, picture, 1).well
    assert len(list((peer.folder / ".cache").rglob(f"*__{picture.name}"))) == 1
    with contextlib.closing(sqlite3.connect(peer.folder / "cache.db")) as connection:
        rows = dict(connection.execute("SELECT key, value FROM cache WHERE project = '1'").fetchall())
    assert rows.keys() == {"label_config", "model_version"}


@pytest.mark.full
def test_the_peer_answers_500_for_what_is_no_image(peer: RunningPeer, pictures: Gallery) -> None:
    Pictures.pictures["/page.html"] = b"<html>"
    url = f"http://{pictures.host}/page.html"
    found = ask(peer.url, Scene("page.html", 2, requests(url, [(5, 5)], *SIZES[2])), 0)
    assert found.status == 500
    assert "cannot read" in json.loads(found.body)["detail"]


@pytest.mark.full
def test_a_peer_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"missing\.pt"), running_peer(MODEL, tmp_path / "missing.pt"):
        pass


# Its clients


def test_a_click_is_timed_and_never_raises() -> None:
    with serving(lambda asked: (ANSWERED, json.dumps(asked).encode())) as url:
        found = ask(url, scene(), 1)
        assert (found.status, found.well, json.loads(found.body)["click"]) == (ANSWERED, True, 1)
        assert found.seconds > 0
        assert ask(f"{url}/elsewhere", scene(), 0).status == 404
    assert ask(f"http://127.0.0.1:{free_port()}", scene(), 0).status == FAILED


def test_every_annotator_clicks_on_an_own_picture_beside_the_others() -> None:
    together = threading.Barrier(3)

    def answered(asked: dict[str, Any]) -> tuple[int, bytes]:
        together.wait(60)  # none is answered before all have asked
        return ANSWERED, asked["picture"].encode()

    scenes = [scene(name) for name in "abc"]
    with serving(answered) as url:
        found = crowd(url, scenes, 0, 0)
    assert sorted(each.body for each in found.answers) == [b"a", b"b", b"c"]
    assert all(each.scene.name.encode() == each.body for each in found.answers)
    assert found.seconds >= max(each.seconds for each in found.answers)


def test_an_annotator_goes_from_click_to_click_of_the_picture() -> None:
    asked: list[int] = []

    def answered(body: dict[str, Any]) -> tuple[int, bytes]:
        asked.append(body["click"])
        return ANSWERED, b""

    with serving(answered) as url:
        for seconds in (0.1, 1, 10):  # as long as it takes to click three times
            if len(asked) < 3:
                asked.clear()
                crowd(url, [scene()], seconds, 0)
    assert asked[:3] == [0, 1, 0]


def test_who_gets_no_answer_does_not_click_again_at_once() -> None:
    with serving(lambda asked: (500, b"")) as url:
        assert len(crowd(url, [scene()], 0.9, 0).answers) == 1


# The verdict


def test_a_mask_is_right_when_it_is_the_one_given_alone() -> None:
    alone = Alone()
    alone.learn(answer(disc(8)))
    alone.learn(answer(disc(4), click=1))
    assert alone.knows(answer(disc(1)))
    assert not alone.knows(answer(disc(1), name="b.jpg"))
    assert alone.right(answer(disc(8)))
    assert not alone.right(answer(disc(4)))
    assert alone.right(answer(disc(4), click=1))
    assert alone.wrong([answer(disc(8)), answer(disc(7)), answer(np.zeros(SHAPE, np.bool_)), failure()]) == 2


def test_a_mask_with_a_pixel_more_is_the_same_one() -> None:
    large = np.ones(SHAPE, np.bool_)
    large[0, 0] = False
    alone = Alone()
    alone.learn(answer(large))
    assert alone.right(answer(np.ones(SHAPE, np.bool_)))
    assert digest(body(large)) != digest(body(np.ones(SHAPE, np.bool_)))


def test_an_empty_mask_may_be_right_and_a_failure_may_not_be_learned() -> None:
    nothing = np.zeros(SHAPE, np.bool_)
    alone = Alone()
    alone.learn(answer(nothing))
    assert alone.right(answer(nothing))
    assert not alone.right(answer(disc(8)))
    with pytest.raises(RuntimeError, match=r"alone on a\.jpg was answered with 500"):
        alone.learn(failure())


def test_masks_of_two_sides_agree_where_both_were_asked() -> None:
    one, other = Alone(), Alone()
    for side, x in ((one, 8), (other, 8)):
        side.learn(answer(disc(x)))
    one.learn(answer(disc(2), click=1))
    other.learn(answer(disc(12), click=1))
    other.learn(answer(disc(12), name="b.jpg"))
    assert agreement(one, other) == 0.5
    assert iou(disc(8), np.ones((3, 3), np.bool_)) == 0.0


# Rows and turns


def test_percentiles_are_of_clicks_that_were() -> None:
    assert Latency.of([float(each) for each in range(1, 101)]) == Latency(51, 96, 100)
    assert np.isnan(Latency.of([]).p50)


def test_figures_count_only_answers() -> None:
    alone = Alone()
    alone.learn(answer(disc(8)))
    answers = [answer(disc(8), seconds=2), answer(disc(4), seconds=4), failure()]
    found = Figures.of_crowds([Crowd(answers[:2], 6), Crowd(answers[2:], 4)], alone)
    assert found == Figures(3, Latency(4, 4, 4), 0.2, 1, 1, "no")


@pytest.mark.parametrize(
    ("kind", "megapixels", "ratio", "reached"),
    [
        (Kind.FIRST, 2, 2.5, True),
        (Kind.FIRST, 12, 2.4, False),
        (Kind.NEXT, 2, 2.0, True),
        (Kind.NEXT, 12, 3.9, False),
        (Kind.AGAIN, 12, 20.0, True),
        (Kind.NEXT, 24, 9.0, None),
    ],
)
def test_latency_goals(kind: Kind, megapixels: int, ratio: float, reached: bool | None) -> None:
    row = latency_row(kind, megapixels, figures(p50=ratio), figures())
    assert row.ratio == ratio
    assert row.reached is reached


def test_the_goal_of_a_crowd_is_one_of_clicks_per_second_without_pauses() -> None:
    row = crowd_row(GOAL_CROWD, 0, figures(rate=0.4), figures(rate=0.4 * CROWD_GOAL))
    assert row.reached
    assert crowd_row(GOAL_CROWD, 2, row.peer, row.ours).reached is None
    assert crowd_row(16, 0, row.peer, row.ours).reached is None
    assert crowd_row(GOAL_CROWD, 0, figures(rate=0), row.ours).reached
    for bad in (figures(rate=99, wrong=1), figures(rate=99, errors=1)):
        assert replace(row, ours=bad).reached is False


def test_both_sides_are_asked_in_turn_and_a_mask_of_another_picture_is_found() -> None:
    order: list[str] = []
    last: dict[str, str] = {}
    places = {"a.jpg": 4, "b.jpg": 8, "c.jpg": 12}

    def side(name: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        order.append(name)
        # One of the two forgets to change the picture when it is shown an earlier one again.
        newest = max(last.get(name, ""), asked["picture"]) if name == PEER else asked["picture"]
        last[name] = newest
        return ANSWERED, body(disc(places[newest], 3.0 + asked["click"]))

    ended: list[None] = []
    with serving(partial(side, PEER)) as peer, serving(partial(side, OURS)) as ours:
        match = Match(Side(PEER, peer, 0), Side(OURS, ours, 0), lambda: ended.append(None), settle=0)
        scenes = [scene(name) for name in places]
        rows = turns.lone(match, scenes, 2)
        assert len(ended) == len(order) == turns.lone_clicks(3, 2)
        turns.learn(match, scenes)
        many = turns.crowds(match, scenes, 0, 0)
    assert order[:6] == [PEER, OURS, OURS, PEER, PEER, OURS]
    first, following, again = rows
    assert [row.name for row in rows] == ["first click, 2 MP", "next click, 2 MP", "revisited image, 2 MP"]
    assert [row.peer.clicks for row in rows] == [3, 6, 2]
    assert [row.peer.wrong for row in rows] == [0, 0, 2]
    assert [row.ours.wrong for row in rows] == [0, 0, 0]
    assert first.ratio == pytest.approx(first.peer.latency.p50 / first.ours.latency.p50)
    assert following.ours.errors == again.ours.errors == 0
    assert (many.peer.clicks, many.ours.clicks, many.ours.wrong) == (6, 6, 0)
    assert many.name == "3 annotators, no pause"


def test_a_tree_is_a_process_and_its_children() -> None:
    before = tree(os.getpid())
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        assert tree(child.pid).processes == 1
        during = tree(os.getpid())
        assert during.processes == before.processes + 1
        assert 0 < during.now <= during.peak
    assert tree(os.getpid()).processes == before.processes
    assert tree(child.pid) == Tree(0, 0, 0)


def test_the_tables_have_a_cell_for_every_heading_and_fit() -> None:
    row = latency_row(Kind.NEXT, 12, figures(p50=12.3456), figures(p50=0.1))
    peer, ours = tables.lines(row)
    for table in (tables.latency_table([row]), tables.crowd_table([row], 2, 20)):
        assert len(table.columns) == len(peer) == len(ours)
        said = printed(table)
        assert "…" not in said
        assert "reached" in said
    assert peer == ("next click, 12 MP", "peer", "9", "12346", "24691", "37037", "1.00", "0", "0", "", "")
    assert ours[-2:] == ("123.5", ">= 4 [green]reached[/]")
    assert "1234" in printed(tables.memory_table({"peer": Tree(2, 1000, 1234)}))


def test_errors_are_named_once() -> None:
    failing = replace(figures(errors=2), said="no image")
    rows = [crowd_row(8, 0, failing, figures()), crowd_row(16, 0, failing, figures())]
    assert tables.errors(rows) == ["peer: no image"]


# The command


def plan(parts: tuple[str, ...], annotators: tuple[int, ...] = (1, 8)) -> Plan:
    return Plan(MODEL, Path("x.pt"), parts, (2, 12), 3, 4, annotators, (0.0, 2.0), 10)


def test_the_plan_knows_its_pictures_and_its_work() -> None:
    assert plan((LONE,)).counts() == {2: 4, 12: 3}
    assert plan((CROWD,)).counts() == {CROWD_MEGAPIXELS: 9}
    assert plan((LONE, CROWD)).counts() == {2: 9, 12: 3}
    assert plan((LONE,)).units() == 2 * turns.lone_clicks(3, 4)
    both = plan((LONE, CROWD))
    assert both.units() == plan((LONE,)).units() + plan((CROWD,)).units()
    assert both.turn_units(8) > both.turn_units(1) > 10


def test_the_command_line(tmp_path: Path) -> None:
    given = ["--checkpoint", "y.pt", "--only", "crowd", "--annotators", "8", "1", "8", "--think", "0"]
    found = plan_of(arguments(given), tmp_path)
    assert (found.checkpoint, found.parts, found.annotators, found.thinks) == (
        Path("y.pt"),
        (CROWD,),
        (1, 8),
        (0.0,),
    )
    default = plan_of(arguments([]), tmp_path)
    assert default.parts == (LONE, CROWD)
    assert default.checkpoint.stat().st_size > 1e7


@pytest.mark.parametrize(
    "given",
    [
        ["--model", "sam2.1_hiera_tiny"],
        ["--annotators", "0"],
        ["--seconds", "0"],
        ["--think", "-1"],
        ["--images", "0"],
    ],
)
def test_a_command_line_that_cannot_be_read_ends_in_a_sentence(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(given)
    assert given[0] in capsys.readouterr().err


NAMES = ["first click, 2 MP", "next click, 2 MP", "revisited image, 2 MP", "2 annotators, no pause"]


def quick_run(folder: Path, sides: Sides | None = None) -> dict[str, Any]:
    """The figures of one, whose tables are as they must be."""
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        found: dict[str, Any] = json.loads(
            json.dumps(run(plan_of(arguments(["--quick"]), folder), console, sides))
        )
    said = capture.get()
    assert found["machine"] in said
    for title in ("One annotator, both sides in turn", "Annotators on 2 MP", "Memory", "wrong masks of ours"):
        assert title in said
    assert [row["name"] for row in found["rows"]] == NAMES
    for row in found["rows"]:
        assert (row["ours"]["errors"], row["ours"]["wrong"]) == (0, 0)
        assert row["ours"]["clicks"] > 0
    return found


@pytest.mark.full
def test_a_quick_run_prints_all_tables_and_gives_figures_that_are_json(tmp_path: Path) -> None:
    @contextlib.contextmanager
    def sides(plan: Plan, images: str) -> Iterator[tuple[Side, Side]]:
        with serving(lambda asked: (ANSWERED, body(disc(8)))) as url:
            yield Side(PEER, url, os.getpid()), Side(OURS, url, os.getpid())

    found = quick_run(tmp_path, sides)
    assert found["agreement"] == 1
    assert found["memory"][OURS]["processes"] >= 1


def test_our_side_has_settings_that_there_are(tmp_path: Path) -> None:
    given = our_settings(plan_of(arguments(["--quick"]), tmp_path), "127.0.0.1:8000", str(tmp_path))
    made = Settings.model_validate({name.lower(): value for name, value in given.items()})
    assert (made.model, made.image_hosts) == (MODEL, ("127.0.0.1:8000",))


@pytest.mark.cluster
@pytest.mark.full
def test_a_quick_run_of_the_real_ones(tmp_path: Path) -> None:
    found = quick_run(tmp_path)
    assert found["agreement"] > 0.95  # the example reads clicks in whole pixels
    assert found["memory"][OURS]["processes"] > found["memory"][PEER]["processes"]
