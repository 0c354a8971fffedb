from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.lint.serve import deployments, lint_serve

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = {
    "http_options": {"port": 9090},
    "applications": [
        {
            "name": "a",
            "route_prefix": "/",
            "import_path": "serve_app.app:build",
            "args": {"model": "classical"},
            "deployments": [
                {"name": "Decoder", "autoscaling_config": {"min_replicas": 1, "max_replicas": 2}}
            ],
        }
    ],
}


def changed(**at: Any) -> dict[str, Any]:
    """The good config with the application's keys replaced."""
    config = copy.deepcopy(GOOD)
    config["applications"][0].update(at)
    return config


def said(config: Any) -> list[str]:
    return [f"{path} {sentence}".strip() for path, sentence in lint_serve(config)]


def deployment(**options: Any) -> dict[str, Any]:
    return changed(deployments=[{"name": "Decoder", **options}])


def test_a_good_config_has_no_findings() -> None:
    assert said(GOOD) == []
    assert said({**GOOD, "x-common": {"anything": 1}}) == []


def test_the_graph_names_its_deployments_itself() -> None:
    assert set(deployments()) == {"Ingress", "Fetcher", "Encoder", "Finder", "Decoder", "Journal"}


@pytest.mark.parametrize(
    ("config", "path", "meant"),
    [
        ({**GOOD, "http_option": {}}, "http_option", "http_options"),
        ({**GOOD, "http_options": {"prot": 1}}, "http_options.prot", "port"),
        ({**GOOD, "grpc_options": {"prot": 1}}, "grpc_options.prot", "port"),
        ({**GOOD, "logging_config": {"log_levl": "INFO"}}, "logging_config.log_levl", "log_level"),
        (changed(route_prefx="/a"), "applications[0].route_prefx", "route_prefix"),
        (changed(args={"modell": "a"}), "applications[0].args.modell", "model"),
        (changed(args={"MODEL": "a"}), "applications[0].args.MODEL", "model"),
        (changed(runtime_env={"env_var": {}}), "applications[0].runtime_env.env_var", "env_vars"),
        (
            changed(runtime_env={"config": {"eager_instal": True}}),
            "applications[0].runtime_env.config.eager_instal",
            "eager_install",
        ),
        (
            changed(autoscaling_policy={"policy_kwarg": {}}),
            "applications[0].autoscaling_policy.policy_kwarg",
            "policy_kwargs",
        ),
        (changed(import_path="serve_app.app:bulid"), "applications[0].import_path", "serve_app.app:build"),
        (changed(import_path="serv_app.app:build"), "applications[0].import_path", "serve_app.app:build"),
        (changed(deployments=[{"name": "Decoders"}]), "applications[0].deployments[0].name", "Decoder"),
        (
            deployment(max_ongoing_request=1),
            "applications[0].deployments[0].max_ongoing_request",
            "max_ongoing_requests",
        ),
        (
            deployment(autoscaling_config={"max_replica": 2}),
            "applications[0].deployments[0].autoscaling_config.max_replica",
            "max_replicas",
        ),
        (
            deployment(autoscaling_config={"policy": {"policy_kwarg": {}}}),
            "applications[0].deployments[0].autoscaling_config.policy.policy_kwarg",
            "policy_kwargs",
        ),
        (
            deployment(ray_actor_options={"num_cpu": 1}),
            "applications[0].deployments[0].ray_actor_options.num_cpu",
            "num_cpus",
        ),
        (
            deployment(ray_actor_options={"runtime_env": {"pips": []}}),
            "applications[0].deployments[0].ray_actor_options.runtime_env.pips",
            "pip",
        ),
        (
            deployment(request_router_config={"request_router_clas": "a"}),
            "applications[0].deployments[0].request_router_config.request_router_clas",
            "request_router_class",
        ),
        (
            deployment(backpressure_config={"retry_after": 1}),
            "applications[0].deployments[0].backpressure_config.retry_after",
            "retry_after_s",
        ),
        (
            deployment(deployment_actors=[{"name": "a", "actor_class": "a:b", "init_kwarg": {}}]),
            "applications[0].deployments[0].deployment_actors[0].init_kwarg",
            "init_kwargs",
        ),
    ],
)
def test_an_unknown_name_at_any_level_is_found_with_the_one_that_was_meant(
    config: dict[str, Any], path: str, meant: str
) -> None:
    found = {finding.path: finding.sentence for finding in lint_serve(config)}
    assert path in found
    assert f"did you mean {meant!r}?" in found[path]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({**GOOD, "http_options": {"port": "http"}}, "http_options.port Input should be a valid integer"),
        ({**GOOD, "http_options": 9090}, "http_options must be a mapping of keys to values"),
        (
            {**GOOD, "proxy_location": "Everywhere"},
            "proxy_location Input should be 'Disabled', 'HeadOnly' or",
        ),
        ({"applications": {}}, "applications must be a list"),
        ({"http_options": {}}, "applications is missing"),
        ({"applications": [1]}, "applications[0] must be a mapping of keys to values"),
        ([], "is not a mapping; a Serve config has `applications:` at its top"),
        (
            {"applications": GOOD["applications"] * 2},
            'applications Found multiple configs for application "a"',
        ),
        (
            {"applications": [*GOOD["applications"], {**GOOD["applications"][0], "name": "b"}]},
            'applications Found duplicate applications for route prefix "/"',
        ),
        (changed(route_prefix="sam"), "applications[0].route_prefix 'sam' must start with a slash"),
        (changed(route_prefix="/sam/"), "applications[0].route_prefix '/sam/' must start with a slash"),
        (
            changed(args={"cache_mib": 0}),
            "applications[0].args.cache_mib Input should be greater than or equal to 1",
        ),
        (changed(args={"basic_auth_user": "a"}), "applications[0].args basic auth needs both"),
        (changed(import_path="serve_app.app:app"), "applications[0].args are not read by serve_app.app:app"),
        (changed(port=1), "Port 1 is set in the config for application"),
        (
            changed(runtime_env={"env_vars": {"A": 1}}),
            "applications[0].runtime_env.env_vars.A must be a string",
        ),
        (
            changed(deployments=[{"name": "Decoder"}] * 2),
            "applications[0].deployments[1].name 'Decoder' is given twice",
        ),
        (changed(deployments=[{}]), "applications[0].deployments[0].name is missing"),
        (deployment(user_config={"a": 1}), "applications[0].deployments[0].user_config is not read"),
        (
            deployment(max_ongoing_requests=0),
            "applications[0].deployments[0].max_ongoing_requests Input should be",
        ),
        (
            deployment(autoscaling_config={"min_replicas": -1}),
            "applications[0].deployments[0].autoscaling_config.min_replicas Input should be greater",
        ),
        (
            deployment(autoscaling_config={"min_replicas": 3, "max_replicas": 2}),
            "applications[0].deployments[0].autoscaling_config max_replicas (2) must be greater",
        ),
        (
            deployment(autoscaling_config={"smoothing_factor": 2, "metrics_interval_s": 5}),
            "applications[0].deployments[0].autoscaling_config",
        ),
        (
            deployment(num_replicas=2, autoscaling_config={"max_replicas": 2}),
            "applications[0].deployments[0] Manually setting num_replicas is not allowed",
        ),
    ],
)
def test_a_value_that_would_be_refused_or_not_be_read_is_found(config: Any, sentence: str) -> None:
    assert [line for line in said(config) if line.startswith(sentence)], said(config)


def test_the_environment_says_nothing_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_MIB", "not a number")
    monkeypatch.setenv("MODEL", "other")
    assert said(GOOD) == []
    monkeypatch.setenv("CACHE_MIB", "64")
    assert said(changed(args={"cache_mib": 0})) != []


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("label_studio_api_key", "LABEL_STUDIO_API_KEY"),
        ("label_studio_access_token", "LABEL_STUDIO_ACCESS_TOKEN"),
        ("image_proxy", "IMAGE_PROXY"),
    ],
)
def test_secrets_do_not_stand_in_a_file_that_ray_logs(key: str, variable: str) -> None:
    [sentence] = said(changed(args={key: "http://hunter2:3128"}))
    assert f"args.{key} is written to Ray's log" in sentence
    assert f"set {variable} in the environment" in sentence
    assert "hunter2" not in sentence


def test_a_refused_value_is_not_repeated() -> None:
    assert "hunter2" not in " ".join(said(changed(args={"label_studio_api_key": ["hunter2"]})))


def test_another_application_may_be_served_beside_ours() -> None:
    other = {"name": "b", "route_prefix": "/b", "import_path": "json:anything", "args": {"any": 1}}
    assert said({"applications": [*GOOD["applications"], other]}) == []


def test_a_finder_is_listed_only_where_a_detector_is_named() -> None:
    listed = {"name": "Finder", "ray_actor_options": {"num_gpus": 0.4}}
    assert said(changed(args={"finder": "owlv2_base"}, deployments=[listed])) == []
    [only] = said(changed(args={}, deployments=[listed]))
    assert only.startswith("applications[0].deployments[0].name is there only where a detector is named")


def test_a_misspelt_key_is_said_once() -> None:
    assert said({"aplications": []}) == ["aplications is not a known key; did you mean 'applications'?"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    (),
    ("http_options",),
    ("http_options", "port"),
    ("applications",),
    *[
        ("applications", 0, *rest)
        for rest in [(), ("args",), ("import_path",), ("deployments",), ("runtime_env",)]
    ],
    *[
        ("applications", 0, "deployments", 3, *rest)
        for rest in [(), ("name",), ("autoscaling_config",), ("ray_actor_options",), ("max_queued_requests",)]
    ],
]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.sampled_from(PLACES), JSON)
def test_no_config_raises(place: tuple[str | int, ...], value: Any) -> None:
    config: Any = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    if not place:
        config = value
    else:
        inner = config
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = value
    for finding in lint_serve(config):
        assert finding.sentence


def on(name: str, gpus: float | None, **args: str) -> dict[str, Any]:
    """A config whose deployment books so many GPUs; None: it says nothing about them."""
    booked = {} if gpus is None else {"ray_actor_options": {"num_cpus": 1, "num_gpus": gpus}}
    return changed(args={"model": "mobile_sam", **args}, deployments=[{"name": name, **booked}])


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (on("Encoder", 0, device="cuda"), "books no GPU for what `device: cuda` runs on one"),
        (on("Encoder", 0, device="cuda:1"), "books no GPU for what `device: cuda:1` runs"),
        (on("Encoder", 1, device="cpu"), "books a GPU that `device: cpu` leaves idle"),
        (on("Encoder", 1, model="classical"), "classical cannot use"),
        (on("Decoder", 0, decoder_device="cuda"), "`decoder_device: cuda`"),
        (on("Decoder", None, decoder_device="cuda"), "`decoder_device: cuda`"),
        (on("Decoder", 0, device="cuda", decoder_device="auto"), "`decoder_device: cuda`"),
        (on("Decoder", 1), "books a GPU that `decoder_device: cpu` leaves idle"),
    ],
)
def test_a_device_and_what_is_booked_for_it_agree(config: dict[str, Any], sentence: str) -> None:
    [found] = said(config)
    assert found.startswith("applications[0].deployments[0].ray_actor_options.num_gpus ")
    assert sentence in found


@pytest.mark.parametrize(
    "config",
    [
        on("Encoder", 1, device="cuda"),
        on("Encoder", 0.5, device="auto"),
        on("Encoder", 0),
        on("Encoder", None, device="cuda"),
        on("Decoder", 0.1, device="cuda", decoder_device="auto"),
    ],
)
def test_what_agrees_is_accepted(config: dict[str, Any]) -> None:
    assert said(config) == []


def test_an_autoscaling_policy_of_ours_is_accepted() -> None:
    policy = {"policy_function": "deployments.scaling:by_clicks_in_decode"}
    assert (
        said(deployment(num_replicas="auto", autoscaling_config={"max_replicas": 4, "policy": policy})) == []
    )


def test_a_policy_that_does_not_exist_is_found() -> None:
    policy = {"policy_function": "deployments.scaling:by_clicks"}
    found = said(deployment(num_replicas="auto", autoscaling_config={"max_replicas": 4, "policy": policy}))
    assert any("has no attribute 'by_clicks'" in each for each in found)
