"""The graph is built without a cluster, and says what cannot be served."""

import inspect

import pytest
import yaml

from serve_app import app
from serve_app.app import DEPLOYMENTS, build
from serve_app.settings import Settings
from tests.running_app import ROOT
from values.errors import ModelError


def test_a_graph() -> None:
    assert build(Settings(model="classical"))._bound_deployment.name == "Ingress"


def test_dangerous_settings_are_said(caplog: pytest.LogCaptureFixture) -> None:
    build(Settings(model="classical", image_hosts=("*",)))
    assert "IMAGE_HOSTS has a *" in caplog.text


def test_workers_are_ingress_replicas() -> None:
    assert build(Settings(workers=3))._bound_deployment.num_replicas == 3


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(ModelError, match="classicall"):
        build(Settings(model="classicall"))


def test_ray_can_read_the_type_of_the_builders_argument() -> None:
    [parameter] = inspect.signature(build).parameters.values()
    assert parameter.annotation is Settings


def test_the_module_has_an_app_for_serve_build() -> None:
    assert app.app._bound_deployment.name == "Ingress"
    with pytest.raises(AttributeError):
        _ = app.nothing


def test_the_default_config_sizes_every_deployment() -> None:
    config = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [application] = config["applications"]
    assert {each["name"] for each in application["deployments"]} == set(DEPLOYMENTS)
