"""What phrases mean to the detector, by /phrases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.deployments.ingress_door import Door
from values.errors import BadPrompt, OtherVersion


@pytest.fixture
def finding() -> Door:
    return Door(finder="owlv2-1")


async def test_each_phrase_has_a_vector_to_the_last_bit(finding: Door) -> None:
    answer = await finding.post("/phrases", {"phrases": ["cat", " traffic  light ", "cat"]})
    assert answer.status_code == 200
    assert answer.json() == {
        "finder": "owlv2-1",
        "phrases": ["cat", "traffic light"],
        "vectors": [[3, 0.10000000149011612], [13, 0.10000000149011612]],
    }
    assert finding.graph.phrases == [(("cat", "traffic light"), "owlv2-1")]


async def test_what_the_detector_cannot_read_is_its_sentence(finding: Door) -> None:
    finding.graph.error = BadPrompt("the phrase 'a b' has 20 tokens, and the model reads 14")
    answer = await finding.post("/phrases", {"phrases": ["a b"]})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_prompt")
    assert "has 20 tokens" in answer.json()["detail"]


async def test_without_a_detector_it_says_what_to_set(door: Door) -> None:
    answer = await door.post("/phrases", {"phrases": ["cat"]})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert "set FINDER, as to owlv2_base" in answer.json()["detail"]
    assert door.graph.phrases == []


async def test_a_detector_that_is_being_replaced_is_asked_for_a_while(
    finding: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.routes.phrases.OTHER_VERSION_S", 0.0)
    finding.graph.error = OtherVersion("a finder serves owlv2-2, and owlv2-1 was asked for; try again")
    answer = await finding.post("/phrases", {"phrases": ["cat"]})
    assert (answer.status_code, answer.json()["error"]) == (503, "other_version")


async def test_few_requests_are_with_the_finder_at_once(finding: Door) -> None:
    finding.graph.admission.clear()
    asked = [asyncio.create_task(finding.post("/phrases", {"phrases": [name]})) for name in "abc"]
    while len(finding.graph.phrases) < 2:
        await asyncio.sleep(0)
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(finding.graph.phrases) == 2
    finding.graph.admission.set()
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * 3


async def test_none_waits_for_ever() -> None:
    door = Door(finder="owlv2-1", predict_timeout_s=0.02)
    door.graph.admission.clear()
    answers = await asyncio.gather(*(door.post("/phrases", {"phrases": [name]}) for name in "abc"))
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [
        (504, "deadline_exceeded")
    ] * 3


async def test_phrases_that_no_detector_reads_are_refused_before_it_is_asked(finding: Door) -> None:
    body: Any
    for body in ({"phrases": []}, {"phrases": ["a"] * 1_000_000}, {"phrases": ["a" * 201]}):
        assert (await finding.post("/phrases", body)).status_code == 422
    assert (await finding.post("/phrases", b"[")).status_code == 400
    assert (await finding.post("/phrases", b'{"phrases": ["%b"]}' % (b"a" * 2**20))).status_code == 422
    assert finding.graph.phrases == []


async def test_it_asks_for_the_password_of_all_routes() -> None:
    door = Door(finder="owlv2-1", basic_auth_user="user", basic_auth_pass="pass")
    assert (await door.post("/phrases", {"phrases": ["cat"]})).status_code == 401
    assert door.graph.phrases == []
    answer = await door.client.post("/phrases", json={"phrases": ["cat"]}, auth=("user", "pass"))
    assert answer.status_code == 200
