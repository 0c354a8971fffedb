from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imaging.options import ImageOptions


def test_defaults_are_safe() -> None:
    options = ImageOptions()
    assert options.image_hosts == ("public",)
    assert options.local_files_document_root is None
    assert options.label_studio_url is None


def test_every_field_is_described_and_every_number_bounded() -> None:
    for name, field in ImageOptions.model_fields.items():
        assert field.description, name
        if field.annotation is float:
            assert len(field.metadata) == 2, name


def test_values_as_an_environment_gives_them() -> None:
    options = ImageOptions.model_validate(
        {
            "label_studio_url": " http://ls:8080/prefix/ ",
            "label_studio_api_key": "abc\n",
            "image_hosts": "minio:9000, public ,10.0.0.5",
            "local_files_document_root": "/srv/images",
        }
    )
    assert options.label_studio_url == "http://ls:8080/prefix"
    assert options.label_studio_api_key is not None
    assert options.label_studio_api_key.get_secret_value() == "abc"
    assert options.image_hosts == ("minio:9000", "public", "10.0.0.5")
    assert options.local_files_document_root == Path("/srv/images")


def test_set_but_empty_means_not_set() -> None:
    options = ImageOptions.model_validate(
        {"label_studio_url": "", "label_studio_api_key": " ", "local_files_document_root": ""}
    )
    assert options == ImageOptions()


@pytest.mark.parametrize(
    "values",
    [
        {"label_studio_url": "label-studio:8080"},
        {"label_studio_url": "ftp://ls"},
        {"label_studio_url": "http://user:CANARY@ls"},
        {"label_studio_url": "http://ls/?token=CANARY"},
        {"label_studio_api_key": "CANARY CANARY"},
        {"label_studio_api_key": "CANARY\r\nX-Evil: 1"},
        {"image_hosts": "http://minio:9000"},
        {"image_hosts": "*.example.org"},
        {"image_hosts": "host:notaport"},
        {"label_studio_aliases": "http://user:CANARY@ls"},
        {"label_studio_aliases": "ls:8080"},
        {"image_stores": "s3://key:CANARY@bucket"},
        {"image_stores": "https://bucket.s3.amazonaws.com"},
        {"image_proxy": "socks5://user:CANARY@proxy:1080"},
        {"image_proxy": "proxy:3128"},
        {"image_proxy": "http://user:CANARY@proxy:3128/path"},
        {"max_image_mib": 0},
        {"max_image_megapixels": 179},
        {"decode_timeout_s": -1},
        {"unknown": 1},
    ],
)
def test_refused_without_repeating_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ImageOptions.model_validate(values)
    assert "CANARY" not in str(caught.value)


def test_the_key_is_not_shown() -> None:
    options = ImageOptions.model_validate({"label_studio_api_key": "CANARY"})
    assert "CANARY" not in repr(options) + str(options) + options.model_dump_json()


def test_the_proxys_password_is_not_shown() -> None:
    options = ImageOptions.model_validate({"image_proxy": "http://user:CANARY@proxy:3128"})
    assert "CANARY" not in repr(options) + str(options) + options.model_dump_json()


def test_what_an_operator_should_know_is_said() -> None:
    assert ImageOptions().cautions == []
    [star] = ImageOptions.model_validate({"image_hosts": "public,*"}).cautions
    assert "IMAGE_HOSTS" in star
    [alone] = ImageOptions.model_validate({"use_setup_token": True}).cautions
    assert "LABEL_STUDIO_URL" in alone
