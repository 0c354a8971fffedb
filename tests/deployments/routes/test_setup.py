"""What /setup answers, and what is kept of it."""

from typing import Any

import pytest

from testing.canary import CANARY
from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import Door


@pytest.mark.parametrize(
    ("body", "warns"),
    [
        ({"project": "3.17", "schema": predict_body()["label_config"], "extra_params": None}, False),
        ({"project": "3.17", "schema": predict_body()["label_config"], "extra_params": {"a": 1}}, False),
        ({"project": "3.17", "schema": predict_body()["label_config"], "extra_params": '{"a": 1}'}, False),
        ({"project": "3.17", "schema": "<View></View>"}, True),
        ({"project": "3.17", "schema": ""}, True),
        ({"schema": "<View"}, True),
    ],
)
async def test_setup_answers_whatever_the_config(door: Door, body: dict[str, Any], warns: bool) -> None:
    response = await door.post("/setup", body)
    assert response.status_code == 200
    assert response.json()["model_version"] == "classical-3"
    assert bool(response.json()["warnings"]) == warns
    await door.settle()
    assert door.graph.warnings == {body.get("project", "").split(".")[0]: response.json()["warnings"]}


async def test_it_goes_by_the_controls_that_the_setting_lists() -> None:
    schema = predict_body()["label_config"].replace("BrushLabels", "EllipseLabels")
    for order, warns in (("BrushLabels", True), ("BrushLabels,EllipseLabels", False)):
        door = Door(reading={"output_order": order})
        response = await door.post("/setup", {"project": "3.17", "schema": schema})
        await door.settle()
        assert bool(response.json()["warnings"]) == warns


SETUP = {"project": "3.17", "schema": "<View/>", "access_token": CANARY}


@pytest.mark.parametrize("hostname", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "https://studio/x"])
async def test_the_token_of_setup_is_kept_when_an_operator_wants_it(hostname: str) -> None:
    door = Door({"use_setup_token": True, "label_studio_aliases": "https://studio/x"})
    response = await door.post("/setup", {**SETUP, "hostname": hostname})
    await door.settle()
    assert door.graph.tokens == {"3": CANARY}
    assert CANARY not in response.text


async def test_a_token_that_is_too_long_for_one_is_not_kept() -> None:
    door = Door({"use_setup_token": True})
    long = {**SETUP, "hostname": "http://127.0.0.1:8080", "access_token": CANARY * 1000}
    response = await door.post("/setup", long)
    await door.settle()
    assert door.graph.tokens == {}
    assert "over 4096 bytes" in response.json()["warnings"][-1]
    assert CANARY not in response.text


@pytest.mark.parametrize("hostname", ["http://localhost:8080", "http://evil.example", "", "127.0.0.1:8080"])
async def test_the_token_of_another_label_studio_is_not_kept(hostname: str) -> None:
    door = Door({"use_setup_token": True})
    response = await door.post("/setup", {**SETUP, "hostname": hostname})
    await door.settle()
    assert door.graph.tokens == {}
    assert any("LABEL_STUDIO_ALIASES" in warning for warning in response.json()["warnings"])
    assert CANARY not in response.text


async def test_the_token_of_setup_is_not_even_read_by_default(door: Door) -> None:
    await door.post("/setup", {**SETUP, "hostname": "http://127.0.0.1:8080"})
    await door.settle()
    assert door.graph.tokens == {}


async def test_the_warnings_of_a_setup_are_few_and_short_and_keep_their_remedies() -> None:
    door = Door({"use_setup_token": True})
    images = "".join(f'<Image name="i{number}" value="constant"/>' for number in range(30))
    body = {"project": "1", "schema": f"<View>{images}</View>", "access_token": "t"}
    shown = (await door.post("/setup", {**body, "hostname": "http://x"})).json()["warnings"]
    assert (len(shown), shown[-1]) == (20, "and 14 more")
    long = {**body, "schema": predict_body()["label_config"], "hostname": "h\n" * 5000}
    [warning] = (await door.post("/setup", long)).json()["warnings"]
    assert warning.isprintable()
    assert warning.endswith("add it to LABEL_STUDIO_ALIASES")
    await door.settle()


async def test_a_project_that_asks_to_find_things_hears_that_nothing_does() -> None:
    schema = predict_body()["label_config"].replace(
        "</View>", '<TextArea name="find" toName="image"/></View>'
    )
    for finder, warns in (("", True), ("owlv2-1", False)):
        response = await Door(finder=finder).post("/setup", {"project": "3.17", "schema": schema})
        assert ("set FINDER" in " ".join(response.json()["warnings"])) == warns
