from __future__ import annotations

from serve_app.cli.report import reason

TRACEBACK = """Traceback (most recent call last):
  File "deployments/decoder.py", line 57, in __init__
values.errors.ModelError: cannot download a.pt: no connection; try again
"""


def test_our_own_sentence_counts_wherever_it_stands() -> None:
    said = "cannot download a.pt: no connection; try again"
    assert reason(["Failed to update the deployments ['Decoder'].", "", TRACEBACK]) == said
    assert reason([TRACEBACK]) == said


def test_else_the_last_line_of_the_application() -> None:
    assert reason(["Traceback:\n  File x\nKeyError: 'a'\n", "Deployment is fine."]) == "KeyError: 'a'"


def test_nothing_said_points_to_the_log() -> None:
    assert reason([]) == reason(["", " \n"]) == "see the log above"
