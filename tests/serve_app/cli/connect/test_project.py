from __future__ import annotations

import pytest

from label_studio.api import LabelStudioError
from protocol import config_template
from protocol.config_template import Asks, Layout, Result
from protocol.templates import DEFAULT_LABELS, TEMPLATES
from serve_app.cli.common_options import CommandError
from serve_app.cli.connect import project
from tests.serve_app.cli.fake_label_studio import OWN, FakeLabelStudio


def take(fake: FakeLabelStudio, name: str, labels: list[str], result: Result | None = None) -> project.Taken:
    return project.take(fake.studio(), project.Wanted(name, labels, result))


def test_a_title_that_is_new_makes_a_project(fake: FakeLabelStudio) -> None:
    fake.add_project("Cats and dogs", OWN)
    taken = take(fake, "cats", ["Cat"])
    assert (taken.id, taken.labels, taken.done) == (2, ("Cat",), "created")
    assert take(fake, "plain", []).labels == DEFAULT_LABELS


def test_a_title_that_several_projects_have_is_no_choice(fake: FakeLabelStudio) -> None:
    fake.add_project("Cats", OWN)
    fake.add_project("Cats", OWN)
    with pytest.raises(CommandError, match=r"\(1, 2\)"):
        take(fake, "Cats", [])


def test_an_id_must_exist(fake: FakeLabelStudio) -> None:
    with pytest.raises(LabelStudioError, match="no project 7"):
        take(fake, "7", [])


@pytest.mark.parametrize(
    ("before", "annotations", "wanted", "after"),
    [
        ("<View></View>", 0, [], ["Object"]),
        ("<View></View>", 0, ["Cat"], ["Cat"]),
        (config_template.build(["Cat"]), 0, [], None),
        (config_template.build(["Cat"]), 3, ["Cat"], None),
        (config_template.build(["Cat"]), 3, ["Dog"], ["Cat", "Dog"]),
        (config_template.build(["Cat", "Dog"]), 3, ["Dog"], None),
        (OWN, 3, [], None),
        (OWN, 0, ["Cat"], ["Cat"]),
        (OWN, 0, ["Eye"], ["Eye"]),
    ],
)
def test_a_config_is_kept_grown_or_replaced(
    fake: FakeLabelStudio, before: str, annotations: int, wanted: list[str], after: list[str] | None
) -> None:
    number = fake.add_project("Cats", before, annotations)
    taken = take(fake, str(number), wanted)
    expected = before if after is None else config_template.build(after)
    assert fake.projects[0]["label_config"] == expected
    assert (taken.labels_done == "unchanged") == (after is None)
    assert bool(fake.changes) == (after is not None)


def test_a_config_with_annotations_is_never_replaced(fake: FakeLabelStudio) -> None:
    fake.add_project("Cats", OWN, annotations=1)
    with pytest.raises(CommandError, match="has annotations"):
        take(fake, "1", ["Cat"])
    assert fake.changes == []


def test_what_a_click_gives_is_chosen_and_kept(fake: FakeLabelStudio) -> None:
    take(fake, "Cats", ["Cat"], Result.POLYGON)
    assert take(fake, "Cats", ["Cat"]).labels_done == "unchanged"
    assert take(fake, "Cats", [], Result.POLYGON).labels_done == "unchanged"
    take(fake, "Cats", ["Dog"])
    assert fake.projects[0]["label_config"] == config_template.build(["Cat", "Dog"], Result.POLYGON)
    assert take(fake, "Cats", [], Result.BITMASK).labels_done == "now for results as bitmask"
    assert fake.projects[0]["label_config"] == config_template.build(["Cat", "Dog"], Result.BITMASK)


def test_what_a_click_gives_stays_once_there_are_annotations(fake: FakeLabelStudio) -> None:
    fake.add_project("Cats", config_template.build(["Cat"]), annotations=2)
    with pytest.raises(CommandError, match="annotations made with results as brush; leave out --output"):
        take(fake, "Cats", [], Result.POLYGON)
    assert fake.changes == []
    assert take(fake, "Cats", ["Dog"], Result.BRUSH).labels == ("Cat", "Dog")


def test_a_template_makes_the_config_and_brings_its_labels(fake: FakeLabelStudio) -> None:
    inspection, boxes = TEMPLATES["inspection"], TEMPLATES["box-to-mask"]
    taken = project.take(fake.studio(), project.Wanted("Cats", template=inspection))
    assert (taken.done, taken.labels) == ("created", inspection.labels)
    assert fake.projects[0]["label_config"] == config_template.build(inspection.labels, inspection.layout)
    again = project.take(fake.studio(), project.Wanted("Cats", template=inspection))
    assert again.labels_done == "unchanged"
    assert take(fake, "Cats", []).labels_done == "unchanged"

    changed = project.take(fake.studio(), project.Wanted("Cats", ["Cat"], Result.POLYGON, boxes))
    layout = Layout(Result.POLYGON, Asks.BOXES)
    assert changed.labels == (*inspection.labels, "Cat")
    assert fake.projects[0]["label_config"] == config_template.build(changed.labels, layout)
    assert take(fake, "Cats", ["Dog"]).labels == (*changed.labels, "Dog"), "its layout is known again"


def test_a_template_replaces_nothing_that_annotations_were_made_with(fake: FakeLabelStudio) -> None:
    fake.add_project("Cats", config_template.build(["Cat"]), annotations=2)
    fake.add_project("Own", OWN, annotations=2)
    for name, said in (("Cats", "leave out --output and --template"), ("Own", "leave out --label, --output")):
        with pytest.raises(CommandError, match=said):
            project.take(fake.studio(), project.Wanted(name, template=TEMPLATES["inspection"]))
    assert fake.changes == []


def test_the_line_that_explains_comes_and_goes_also_where_there_are_annotations(
    fake: FakeLabelStudio,
) -> None:
    fake.add_project("Cats", config_template.build(["Cat"], Result.POLYGON), annotations=2)

    def explained(wanted: bool | None) -> str:
        return project.take(fake.studio(), project.Wanted("Cats", explains=wanted)).labels_done

    assert explained(None) == "unchanged"
    assert explained(False) == "unchanged"
    assert explained(True) == "now with a line that says why a click got no mask"
    with_line = config_template.build(["Cat"], Layout(Result.POLYGON, explains=True))
    assert fake.projects[0]["label_config"] == with_line
    assert explained(None) == "unchanged"
    assert take(fake, "Cats", ["Dog"]).labels_done == "added to"
    assert "model_says" in fake.projects[0]["label_config"]
    assert explained(False) == "now without a line that says why a click got no mask"
    assert "model_says" not in fake.projects[0]["label_config"]


def test_a_config_that_asks_no_backend_is_kept_with_a_warning(fake: FakeLabelStudio) -> None:
    fake.add_project("Cats", OWN)
    assert "no smart keypoint or rectangle" in take(fake, "1", []).warning


@pytest.mark.parametrize("label", ["", "  ", "a\nb"])
def test_a_label_needs_a_name(fake: FakeLabelStudio, label: str) -> None:
    with pytest.raises(CommandError, match="--label"):
        take(fake, "Cats", [label])
