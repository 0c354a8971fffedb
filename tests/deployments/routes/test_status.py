"""What is told of the model, the parts behind the door and the last failures."""

import pytest

from testing.label_studio_requests import predict_body
from tests.deployments.ingress_door import Door
from values.dashboard import DASHBOARD
from values.errors import ImageUnauthorized


@pytest.mark.parametrize("path", ["/", "/health"])
async def test_health(door: Door, path: str) -> None:
    health = (await door.client.get(path)).json()
    assert (health["status"], health["model_version"]) == ("UP", "classical-3")


async def test_versions_and_metrics(door: Door) -> None:
    assert (await door.client.get("/versions")).json()["versions"] == ["classical-3"]
    assert (await door.client.get("/metrics")).json() == {}


async def test_diagnose_gathers_what_answers_and_says_what_does_not(door: Door) -> None:
    await door.post("/predict", b"{")
    await door.settle()
    report = (await door.client.get("/diagnose?project=3")).json()
    assert report["models"] == "ready"
    assert "boxes first" in report["model"]["advice"]
    assert report["label_studio"] == "Label Studio answered 401"
    assert report["recent_failures"]["3"][0]["code"] == "bad_request"
    assert report["answers"] == {"models": True, "label_studio": False}


async def test_a_label_studio_that_is_not_set_neither_answers_nor_fails() -> None:
    door = Door({"label_studio_url": None})
    assert (await door.client.get("/diagnose")).json()["answers"]["label_studio"] is None


async def test_who_is_near_is_told_where_the_dashboard_is(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await door.client.get("/diagnose")).json()["links"] == {}
    monkeypatch.setenv(DASHBOARD, "http://127.0.0.1:8265/")
    assert (await door.client.get("/diagnose")).json()["links"] == {"dashboard": "http://127.0.0.1:8265/"}
    elsewhere = await door.client.get("/diagnose", headers={"x-client-address": "10.0.0.1"})
    assert "links" not in elsewhere.json()


@pytest.mark.parametrize(
    "headers", [{"x-client-address": "10.0.0.1"}, {"x-forwarded-for": "10.0.0.1"}, {"via": "1.1 proxy"}]
)
async def test_who_asks_from_elsewhere_is_told_what_answers_and_no_names(
    door: Door, headers: dict[str, str]
) -> None:
    door.graph.error = ImageUnauthorized("s3://bucket wants a token")
    await door.post("/predict", predict_body())
    await door.settle()
    report = (await door.client.get("/diagnose?project=3", headers=headers)).json()
    assert report.pop("model")["model"] == "classical"
    assert report.pop("more")
    assert report == {
        "models": "answers",
        "label_studio": "does not answer as it should",
        "recent_failures": {"image_unauthorized": 1},
    }


async def test_who_has_the_password_is_told_all_wherever_from() -> None:
    door = Door(basic_auth_user="user", basic_auth_pass="pass")
    headers = {"x-client-address": "10.0.0.1"}
    report = (await door.client.get("/diagnose", headers=headers, auth=("user", "pass"))).json()
    assert report["label_studio"] == "Label Studio answered 401"
