"""Settings: the environment over the YAML, the seed backends' names, and no unknown key."""

import pickle

import pytest

from deployments.options import IngressOptions
from imaging.options import ImageOptions
from protocol.options import ReadOptions
from serve_app.settings import Settings, SettingsError
from testing.canary import CANARY


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_defaults_need_nothing() -> None:
    settings = Settings()
    assert (settings.model, settings.image_hosts, settings.workers) == ("auto", ("public",), 2)


@pytest.mark.parametrize(
    ("variable", "value", "setting", "expected"),
    [
        ("LABEL_STUDIO_URL", "http://ls:8080/", "label_studio_url", "http://ls:8080"),
        ("LABEL_STUDIO_HOST", "http://ls:8080", "label_studio_url", "http://ls:8080"),
        ("IMAGE_HOSTS", "public, images.local:8000", "image_hosts", ("public", "images.local:8000")),
        ("WORKERS", "3", "workers", 3),
        ("THREADS", "8", "threads", 8),
        ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("CANDIDATES", " All ", "candidates", "all"),
        ("SAM_CHOICE", "mobilesam", "sam_choice", "MobileSAM"),
        ("MODEL", "classical", "model", "classical"),
        ("MULTI_BOX", "each", "multi_box", "each"),
        ("WORKERS", "", "workers", 2),
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
    with pytest.raises(SettingsError, match=f"no setting '{key}'; did you mean '{nearest}'"):
        Settings.model_validate({key: 1})


def test_a_bad_value_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match="BASIC_AUTH_PASS: must be text, and is a list") as caught:
        Settings.model_validate({"basic_auth_user": "user", "basic_auth_pass": ["canary"]})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"cache_mib": "lots"}, "CACHE_MIB: must be a whole number, and is text."),
        ({"threads": [1]}, "THREADS: must be a whole number, and is a list."),
        ({"workers": 1.5}, "WORKERS: must be a whole number, and is a fraction."),
        ({"workers": 100}, "WORKERS: must be at most 64, and is more."),
        ({"predict_timeout_s": 0}, "PREDICT_TIMEOUT_S: must be more than 0, and is no more."),
        ({"refine": "perhaps"}, "REFINE: must be true or false, and is text."),
        ({"model": 3}, "MODEL: must be text, and is a number."),
        ({"image_hosts": {"a": 1}}, "IMAGE_HOSTS: must be a list, and is a mapping."),
        (
            {"log_level": "loud"},
            "LOG_LEVEL: must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR', and is another word.",
        ),
        ({"label_studio_url": "ls:8080"}, "LABEL_STUDIO_URL: needs http:// or https:// in front."),
        ({"basic_auth_user": "a"}, "Basic auth needs both"),
        (
            {"retrieve": "find"},
            "RETRIEVE=find needs a detector, and FINDER is none; set FINDER",
        ),
        ({"basic_auth_user": "a:b", "basic_auth_pass": "c"}, "A user name with a colon"),
        ({"cache_mib": "lots"}, "Correct it as cache_mib under args:, or leave it out for 512."),
        ({"image_hosts": 1}, "or leave it out for public."),
    ],
)
def test_what_is_refused_is_a_sentence(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.model_validate(given)
    assert sentence in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert "lots" not in str(caught.value)


def test_every_refused_setting_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_HOST", "ls:8080")
    monkeypatch.setenv("WORKERS", "many")
    with pytest.raises(SettingsError) as caught:
        Settings()
    first, second = sorted(map(str, caught.value.args))
    assert first.startswith("LABEL_STUDIO_HOST: needs http://")
    assert second.startswith("WORKERS: must be a whole number, and is text. Correct it in the environment,")


def test_it_reaches_the_operator_through_another_process() -> None:
    error = pickle.loads(pickle.dumps(SettingsError("A: one.", "B: two.")))
    assert str(error) == "A: one. B: two."


def test_a_part_holds_the_options_of_its_floor() -> None:
    settings = Settings.model_validate({"workers": 2, "image_hosts": "*"})
    assert settings.part(IngressOptions).workers == 2
    assert settings.part(ImageOptions).image_hosts == ("*",)


def test_one_limit_of_pixels_holds_for_files_and_for_what_a_request_says() -> None:
    settings = Settings.model_validate({"max_image_megapixels": 12.5})
    assert settings.part(ImageOptions).max_pixels == settings.part(ReadOptions).max_pixels == 12_500_000
