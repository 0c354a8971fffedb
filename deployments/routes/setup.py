"""``POST /setup``: a project connects, or its labeling config was changed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from deployments.calls.last_setup import SetupConfigs
from deployments.http.reporter import Reporter
from deployments.http.responses import json_response
from deployments.journal import TOKEN_LIMIT, is_kept, shortened
from deployments.loop_offload import CostlyWork, off_loop_if_large
from deployments.routes.request_reader import RequestReader
from imaging.options import ImageOptions
from label_studio.site import Site
from protocol import config_warnings, label_config
from protocol.bodies.setup import SetupBody, read_setup, read_setup_token
from protocol.cost import warnings_ms
from values.errors import ServiceError
from values.one_line import shown


class Setup:
    """The route. ``version``: of the model that serves. ``order``: the tags that take masks. ``finder``:
    whether there is a detector, which finds things."""

    def __init__(
        self,
        reader: RequestReader,
        images: ImageOptions,
        configs: SetupConfigs,
        costly: CostlyWork,
        reporter: Reporter,
        version: str,
        order: tuple[str, ...],
        *,
        finder: bool = False,
    ) -> None:
        self._reader = reader
        self._images = images
        self._configs = configs
        self._costly = costly
        self._reporter = reporter
        self._version = version
        self._order = order
        self._finder = finder

    async def __call__(self, request: Request) -> Response:
        """The answer to one request: the version, and what is wrong with the labeling config."""
        raw = await self._reader.raw(request)
        body = await off_loop_if_large(len(raw), read_setup, raw)
        request.state.project = body.project_id
        warnings = await self._costly.run(
            warnings_ms(body.schema), body.project_id, _warnings, body.schema, self._order, self._finder
        )
        if body.project_id and body.schema.strip() and is_kept(body.schema):
            self._configs.keep(body.project_id, body.schema)
            self._reporter.configured(body.project_id, body.schema)
        if self._images.use_setup_token:
            token = await off_loop_if_large(len(raw), read_setup_token, raw)
            warnings += self._offer(body, token)
        warnings = shortened(warnings)
        self._reporter.warned(body.project_id, warnings)
        return json_response({"model_version": self._version, "warnings": warnings})

    def _offer(self, body: SetupBody, token: str | None) -> list[str]:
        """Keep the token that came with /setup; or a sentence that says why it is not kept."""
        site = Site.of(self._images)
        if token is None or not body.project_id:
            return []
        if site is None or not site.is_named(body.hostname):
            return [
                f'the token that Label Studio sent from "{shown(body.hostname)}" is not used: that is not '
                "LABEL_STUDIO_URL; if it is the same Label Studio, add it to LABEL_STUDIO_ALIASES"
            ]
        if len(token.encode()) > TOKEN_LIMIT:
            return [f"the token that Label Studio sent is not used: it has over {TOKEN_LIMIT} bytes"]
        self._reporter.offered(body.project_id, token)
        return []


def _warnings(schema: str, order: tuple[str, ...], finder: bool) -> list[str]:
    try:
        return config_warnings.warnings(label_config.parse(schema), order, finder=finder)
    except ServiceError as error:
        return [error.detail]
