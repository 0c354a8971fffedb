from __future__ import annotations

import pytest
import ray

from serve_app.gpus import Gpus, gpus
from values.cores import ONE_MACHINE


@pytest.mark.parametrize(
    ("resources", "one_machine", "found"),
    [
        ({"CPU": 4.0, "GPU": 1.0}, False, Gpus.HERE),
        ({"CPU": 4.0, "GPU": 1.0}, True, Gpus.HERE),
        ({"CPU": 4.0}, True, Gpus.NONE),
        ({"CPU": 4.0}, False, Gpus.MAY_COME),
        (None, True, Gpus.MAY_COME),
    ],
)
def test_what_is_known_of_gpus(
    monkeypatch: pytest.MonkeyPatch, resources: dict[str, float] | None, one_machine: bool, found: Gpus
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: resources is not None)
    monkeypatch.setattr(ray, "cluster_resources", lambda: resources)
    if one_machine:
        monkeypatch.setenv(ONE_MACHINE, "1")
    else:
        monkeypatch.delenv(ONE_MACHINE, raising=False)
    assert gpus() is found
