from __future__ import annotations

from pathlib import Path

import pytest

from serve_app.cli.serve.serve_config import ConfigRefused, prefixes, read, settings
from serve_app.settings import variables
from testing.running_app import ROOT

OURS = {"import_path": "serve_app.app:build"}


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["serve.yaml", "many-gpus.yaml", "models.yaml"])
def test_our_own_configs_are_read(name: str) -> None:
    config = read(ROOT / "configs" / name)
    settings(config)
    assert config["http_options"]["port"]
    assert prefixes(config)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not YAML; `python -m serve_app doctor"),
        ("\x00", "is not YAML"),
        ("just text", "is not a Serve config"),
        ("applications: []", "is not a Serve config"),
        ("applications: [x]", "is not a Serve config"),
        ("{applications: [{}], http_options: [1]}", "is not a Serve config"),
        ("{applications: [{}], http_options: {port: many}}", "http_options.port must be a whole number"),
        ("{applications: [{}], http_options: {port: 70000}}", "from 1 to 65535"),
    ],
)
def test_what_is_no_config_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "serve.yaml"
    path.write_text(text)
    with pytest.raises(ConfigRefused) as caught:
        read(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_config_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="No such file or directory"):
        read(tmp_path / "serve.yaml")


def test_an_address_of_its_own_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "serve.yaml"
    path.write_text("{applications: [{route_prefix: /sam/}, {}], http_options: }")
    assert read(path)["http_options"] == {}
    assert prefixes(read(path)) == ("/sam", "")


def test_every_refused_setting_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_MIB", "lots")
    first, second = OURS | {"args": {"threads": 0}}, OURS | {"args": None}
    with pytest.raises(ConfigRefused) as caught:
        settings({"applications": [first, second]})
    said = str(caught.value).splitlines()
    assert sorted(each.partition(":")[0] for each in said) == ["CACHE_MIB", "THREADS"]


def test_applications_of_others_have_settings_of_their_own() -> None:
    settings({"applications": [{"import_path": "else.where:build", "args": {"threads": 0}}]})
