from __future__ import annotations

from testing.annotated import rectangle
from tests.serve_app.cli.preannotate.desk import VERSION, Desk

CAT = rectangle().region


def test_only_predictions_of_that_version_are_deleted(desk: Desk) -> None:
    for _ in range(3):
        desk.add(CAT)
    desk.told()
    desk.predict(1, "yolo", CAT)
    desk.predict(2, f"{VERSION}0", CAT)
    desk.add(CAT)
    told = desk.told(mode="--delete")
    assert (told["exit"], told["model_version"], told["tasks"], told["predictions"]) == (0, VERSION, 3, 3)
    assert desk.stored() == {}
    assert (list(desk.stored("yolo")), list(desk.stored(f"{VERSION}0"))) == ([1], [2])
    assert len(desk.studio.tasks) == 4
    assert all(task["annotations"] for task in desk.studio.tasks)


def test_a_version_that_no_longer_serves_needs_no_backend(desk: Desk) -> None:
    desk.predict(desk.add(CAT), "older-1", CAT)
    desk.bench.at = "http://127.0.0.1:1"
    result = desk.run("--model-version", "older-1", mode="--delete")
    assert (result.exit_code, result.stdout) == (0, "1 predictions of older-1 deleted, of 1 tasks\n")


def test_a_dry_run_deletes_nothing(desk: Desk) -> None:
    desk.predict(desk.add(CAT), VERSION, CAT)
    result = desk.run("--dry-run", mode="--delete")
    assert result.stdout == f"1 predictions of {VERSION} would be deleted, of 1 tasks\n"
    assert len(desk.stored()[1]) == 1


def test_at_most_so_many_tasks(desk: Desk) -> None:
    for _ in range(3):
        desk.predict(desk.add(CAT), VERSION, CAT)
    assert desk.told("--limit", "2", mode="--delete")["tasks"] == 2
    assert len(desk.stored()) == 1
