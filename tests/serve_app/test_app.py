"""The graph is built without a cluster, and says what cannot be served."""

import inspect
from pathlib import Path

import pytest
import yaml
from ray.serve import Application, Deployment

from serve_app import app
from serve_app.app import DEPLOYMENTS, ENCODER_CPUS, OPTIONAL, build
from serve_app.settings import Settings
from testing.running_app import ROOT
from values.errors import ModelError
from values.served_model import ServedModel


def test_a_graph() -> None:
    assert build(Settings(model="classical"))._bound_deployment.name == "Ingress"


def test_dangerous_settings_are_said(caplog: pytest.LogCaptureFixture) -> None:
    build(Settings(model="classical", image_hosts=("*",)))
    assert "IMAGE_HOSTS has a *" in caplog.text


def test_workers_are_ingress_replicas() -> None:
    assert build(Settings(workers=3))._bound_deployment.num_replicas == 3


def test_whatever_a_replica_has_begun_it_may_finish() -> None:
    for settings, least in ((Settings(), 90), (Settings(predict_timeout_s=500), 500)):
        for deployment in _graph(build(settings)):
            assert deployment._deployment_config.graceful_shutdown_timeout_s > least
            assert deployment._deployment_config.health_check_period_s == 1
            assert deployment._deployment_config.max_surge_percent == 25


def _graph(application: Application) -> list[Deployment]:
    """All deployments of it, from the ingress on."""
    bound = application._bound_deployment
    inner = [each for each in bound.init_args if isinstance(each, Application)]
    return [bound, *(deployment for each in inner for deployment in _graph(each))]


def test_there_is_a_finder_only_where_a_setting_names_a_detector(tmp_path: Path) -> None:
    without = {each.name for each in _graph(build(Settings(model="classical")))}
    assert without == set(DEPLOYMENTS)
    named = build(Settings(model="classical", finder="owlv2_base", model_dir=tmp_path))
    graph = {each.name: each for each in _graph(named)}
    assert set(graph) == without | set(OPTIONAL)
    asked = [each for each in named._bound_deployment.init_args if isinstance(each, Application)]
    assert "Finder" in {each._bound_deployment.name for each in asked}  # what phrases mean
    [served] = [each for each in named._bound_deployment.init_args if isinstance(each, ServedModel)]
    assert served.finder == "owlv2_base-e1e130b9"
    assert graph["Finder"].ray_actor_options == {"num_cpus": ENCODER_CPUS, "num_gpus": 0}


def test_a_detector_whose_files_are_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="models download owlv2_base"):
        build(Settings(model="classical", finder="owlv2_base", model_dir=tmp_path, offline=True))


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
