"""The description of the interface, against the routes that there are and what they answer."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest
from starlette.routing import Route

from pages.openapi import document
from pages.operations import OPERATIONS
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.mask_prompts import read
from protocol.regions import encode
from testing.label_studio_requests import CAPTURES, predict_body
from tests.deployments.ingress_door import Door
from values.errors import error_classes
from values.version import VERSION

CLICKS = sorted(path.name for path in CAPTURES.glob("*.json"))


def described() -> dict[str, Any]:
    return document([(path, method) for method, path in OPERATIONS])


def check(value: Any, schema: dict[str, Any]) -> None:
    """Raises ValidationError."""
    jsonschema.validate(value, {**schema, "components": described()["components"]})


def real_regions() -> list[dict[str, Any]]:
    """What a decoder makes of the mask of the example's click."""
    click = read_click(read_predict(json.dumps(OPERATIONS["POST", "/predict"].example).encode()), read)
    assert isinstance(click, Click)
    return encode(np.ones((click.height, click.width), np.bool_), 0.9, click)


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {
        (method, route.path.replace(":path}", "}").rstrip("/") or "/")
        for route in Door().ingress.__serve_build_asgi_app__().routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes == set(OPERATIONS)


async def test_the_description_that_is_served_is_that_of_the_routes_that_are_served() -> None:
    served = (await Door().client.get("/openapi.json")).json()
    assert served == described()
    assert (await Door(pages=False).client.get("/openapi.json")).status_code == 404


def test_a_route_that_nobody_has_described_is_no_description() -> None:
    with pytest.raises(KeyError):
        document([("/new", "GET")])


def test_its_version_is_the_package_s() -> None:
    assert described()["info"]["version"] == VERSION


@pytest.mark.parametrize("schema", sorted(described()["components"]["schemas"]))
def test_each_schema_is_one(schema: str) -> None:
    found = described()["components"]["schemas"][schema]
    jsonschema.Draft202012Validator.check_schema(found)
    for each in json.dumps(found).split('"$ref": "')[1:]:
        assert (
            each.partition('"')[0].removeprefix("#/components/schemas/")
            in described()["components"]["schemas"]
        )


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_what_is_answered_is_what_is_described(method: str, path: str) -> None:
    operation, door = OPERATIONS[method, path], Door(finder="owlv2-1")
    door.graph.regions = real_regions()
    content = None if operation.takes is None else json.dumps(operation.example).encode()
    answer = await door.client.request(method, path.replace("{name}", "style.css"), content=content)
    schema = operation.gives[answer.status_code]
    if schema is None:
        assert answer.headers["content-type"].startswith(operation.media_type)
    else:
        assert answer.headers["content-type"] == "application/json"
        check(answer.json(), schema)
    if operation.takes is not None:
        check(operation.example, operation.takes)


@pytest.mark.parametrize("name", CLICKS)
def test_what_label_studio_sends_is_what_is_described(name: str) -> None:
    body = json.loads((CAPTURES / name).read_bytes())
    takes = {"setup": "Setup", "webhook": "Event"}
    kind = next((schema for word, schema in takes.items() if word in name), "Predict")
    check(body, {"$ref": f"#/components/schemas/{kind}"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"tasks": 1}),
        ("/predict", {**predict_body(), "tasks": [{"id": [], "data": {}}]}),
        ("/predict", {**predict_body(), "params": 3}),
        ("/embed", {"tasks": [{"data": []}]}),
        ("/forget", {}),
        ("/phrases", {"phrases": "cat"}),
        ("/setup", {"schema": 3}),
        ("/webhook", {"action": 3}),
        ("/webhook", {}),
    ],
)
async def test_what_the_description_does_not_allow_is_refused_as_it_says(
    path: str, body: Any, door: Door
) -> None:
    operation = OPERATIONS["POST", path]
    assert operation.takes is not None
    with pytest.raises(jsonschema.ValidationError):
        check(body, operation.takes)
    answer = await door.post(path, body)
    assert answer.status_code == 400
    assert answer.status_code in operation.refuses
    check(answer.json(), {"$ref": "#/components/schemas/Error"})


def test_each_status_of_a_refusal_is_that_of_an_error() -> None:
    statuses = {error.status for error in error_classes()}
    assert all(set(operation.refuses) <= statuses for operation in OPERATIONS.values())
