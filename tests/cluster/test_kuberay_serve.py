"""What Serve makes of the config of each overlay."""

from __future__ import annotations

import pytest
import yaml
from ray.serve._private.application_state import override_deployment_info
from ray.serve._private.build_app import build_app
from ray.serve._private.deployment_info import DeploymentInfo
from ray.serve.schema import ServeDeploySchema

from serve_app.app import DEPLOYMENTS, build
from serve_app.settings import Settings, SettingsError
from tests.cluster.overlays import (
    Json,
    application,
    by_overlay,
    options,
    serve_config,
    service,
)


def deployed(config: Json) -> dict[str, DeploymentInfo]:
    """Every deployment as Serve's controller makes it of our application and of the config."""
    [application] = ServeDeploySchema.model_validate(config).applications
    made = build(Settings.model_validate(application.args))
    built = build_app(made, name=application.name, make_deployment_handle=lambda *_: None)
    infos = {
        each.name: DeploymentInfo(each._deployment_config, each._replica_config, 0, "")
        for each in built.deployments
    }
    found: dict[str, DeploymentInfo] = override_deployment_info(infos, application)
    return found


@by_overlay
def test_serve_takes_the_config(overlay: str) -> None:
    found = deployed(serve_config(overlay))
    assert set(found) == set(options(overlay)) == set(DEPLOYMENTS)
    for name, each in options(overlay).items():
        config, replica = found[name].deployment_config, found[name].replica_config
        booked = each["ray_actor_options"]
        assert config.max_ongoing_requests == each.get("max_ongoing_requests", 5)
        assert replica.resource_dict["memory"] == booked["memory"]
        assert replica.ray_actor_options["label_selector"] == booked["label_selector"]
        assert replica.max_replicas_per_node == each.get("max_replicas_per_node")
        scaled = each.get("autoscaling_config")
        if scaled:
            assert config.autoscaling_config.min_replicas == scaled["min_replicas"]
            assert config.autoscaling_config.policy.get_policy() is not None
    assert found["Ingress"].deployment_config.num_replicas == application(overlay)["args"]["workers"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("name: Decoder", "name: Decodr"),
        ("scaling:by_clicks_in_decode", "scaling:by_click_in_decode"),
        ("max_replicas_per_node: 4", "max_replicas_per_node: 0"),
        ("max_ongoing_requests: 16", "max_ongoing_requests: 0"),
        ("{segment-anything/hardware: cpu}", "{segment-anything/hardware: -cpu}"),
        ("workers: 2", "wrkers: 2"),
    ],
)
def test_what_serve_would_not_take_is_found(right: str, wrong: str) -> None:
    text = service("cpu")["serveConfigV2"]
    assert right in text
    with pytest.raises((ValueError, AttributeError, SettingsError)):
        deployed(yaml.safe_load(text.replace(right, wrong)))
