"""Settings: the environment over the YAML, the seed backends' names, and no unknown key."""

import pytest

from deployments.options import IngressOptions
from imaging.options import ImageOptions
from protocol.options import ReadOptions
from serve_app.settings import Settings
from tests.canary import CANARY


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_defaults_need_nothing() -> None:
    settings = Settings()
    assert (settings.model, settings.image_hosts, settings.workers) == ("auto", ("public",), 1)


@pytest.mark.parametrize(
    ("variable", "value", "setting", "expected"),
    [
        ("LABEL_STUDIO_URL", "http://ls:8080/", "label_studio_url", "http://ls:8080"),
        ("LABEL_STUDIO_HOST", "http://ls:8080", "label_studio_url", "http://ls:8080"),
        ("IMAGE_HOSTS", "public, images.local:8000", "image_hosts", ("public", "images.local:8000")),
        ("WORKERS", "3", "workers", 3),
        ("THREADS", "8", "threads", 8),
        ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("MODEL", "classical", "model", "classical"),
        ("MULTI_BOX", "each", "multi_box", "each"),
        ("WORKERS", "", "workers", 1),
    ],
)
def test_variables(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, setting: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Settings.model_validate({}), setting) == expected


@pytest.mark.parametrize("variable", ["LABEL_STUDIO_API_KEY", "LABEL_STUDIO_ACCESS_TOKEN"])
def test_tokens_are_secret(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, CANARY)
    settings = Settings()
    assert settings.label_studio_api_key is not None
    assert settings.label_studio_api_key.get_secret_value() == CANARY
    assert CANARY not in repr(settings)


def test_the_environment_wins_over_the_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREADS", "8")
    settings = Settings.model_validate({"threads": 2, "workers": 2})
    assert (settings.threads, settings.workers) == (8, 2)


@pytest.mark.parametrize(
    ("key", "nearest"), [("modell", "model"), ("image_host", "image_hosts"), ("cache_mb", "cache_mib")]
)
def test_an_unknown_key_names_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"no setting '{key}'; did you mean '{nearest}'"):
        Settings.model_validate({key: 1})


def test_a_bad_value_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="basic_auth") as caught:
        Settings.model_validate({"basic_auth_user": "user", "basic_auth_pass": ["canary"]})
    assert "canary" not in str(caught.value)


def test_a_part_holds_the_options_of_its_floor() -> None:
    settings = Settings.model_validate({"workers": 2, "image_hosts": "*"})
    assert settings.part(IngressOptions).workers == 2
    assert settings.part(ImageOptions).image_hosts == ("*",)


def test_one_limit_of_pixels_holds_for_files_and_for_what_a_request_says() -> None:
    settings = Settings.model_validate({"max_image_megapixels": 12.5})
    assert settings.part(ImageOptions).max_pixels == settings.part(ReadOptions).max_pixels == 12_500_000
