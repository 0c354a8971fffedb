from __future__ import annotations

from typing import Any

import httpx
import pytest

from label_studio.api import LabelStudioError
from label_studio.projects import NO_CONFIG, new_project, project_of, projects_called, set_label_config
from tests.serve_app.cli.fake_label_studio import OWN, FakeLabelStudio


def test_a_project_is_found_by_its_id_or_its_whole_title() -> None:
    fake = FakeLabelStudio()
    fake.add_project("Cats and dogs", OWN, annotations=3)
    fake.add_project("Cats", OWN)
    with fake.studio() as studio:
        found = project_of(studio, 1)
        assert (found.title, found.label_config, found.annotations) == ("Cats and dogs", OWN, 3)
        assert projects_called(studio, "Cats") == [2]
        with pytest.raises(LabelStudioError, match="has no project 7 that this token may see"):
            project_of(studio, 7)


def test_a_project_is_made_and_changed() -> None:
    fake = FakeLabelStudio()
    with fake.studio() as studio:
        made = new_project(studio, "Cats", NO_CONFIG)
        set_label_config(studio, made.id, OWN)
        assert project_of(studio, made.id).label_config == OWN
    assert fake.changes == ["POST /api/projects/", "PATCH /api/projects/1/"]


def test_the_password_for_its_images_is_not_shown() -> None:
    fake = FakeLabelStudio()
    fake.add_project("Cats", "")
    fake.projects[0] |= {"task_data_login": "reader", "task_data_password": "of images"}
    found = project_of(fake.studio(), 1)
    assert (found.login, found.password, found.label_config) == ("reader", "of images", NO_CONFIG)
    assert "of images" not in repr(found)


@pytest.mark.parametrize("body", [[], {}, {"id": None}])
def test_what_is_no_project(body: Any) -> None:
    fake = FakeLabelStudio()
    fake.add_project("Cats", OWN)
    fake.refuse["GET /api/projects/1/"] = httpx.Response(200, json=body)
    with pytest.raises(LabelStudioError, match="does not show projects as Label Studio does; check --label"):
        project_of(fake.studio(), 1)
