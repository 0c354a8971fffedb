"""Which token Label Studio is shown for a project."""

from __future__ import annotations

from collections import OrderedDict

from label_studio.options import LabelStudioOptions
from label_studio.site import Site
from label_studio.tokens import EXCHANGE, LabelStudioTokens, Token
from net.transport import Net

MAX_OFFERED = 100
"""Tokens that came with /setup and whose state is kept."""

_CONFIGURED = "in LABEL_STUDIO_API_KEY"
_OFFERED = "that Label Studio sent with /setup (USE_SETUP_TOKEN)"


class ProjectTokens:
    """The token of the settings for every project; without one, that which came with the project's /setup."""

    def __init__(self, options: LabelStudioOptions, site: Site | None, net: Net) -> None:
        self._site = site
        self._net = net
        key = options.label_studio_api_key
        self._configured = None if key is None else self._make(key.get_secret_value(), _CONFIGURED)
        self._offered: OrderedDict[str, LabelStudioTokens] = OrderedDict()

    def of(self, offered: str | None) -> LabelStudioTokens | None:
        """The token to ask with, where ``offered`` came with /setup. None: nothing may be shown."""
        if self._configured is not None or offered is None:
            return self._configured
        if offered not in self._offered:
            tokens = self._make(offered, _OFFERED)
            if tokens is None:
                return None
            self._offered[offered] = tokens
        self._offered.move_to_end(offered)
        while len(self._offered) > MAX_OFFERED:
            self._offered.popitem(last=False)
        return self._offered[offered]

    def _make(self, key: str, place: str) -> LabelStudioTokens | None:
        if self._site is None:
            return None
        return LabelStudioTokens(self._site.url(EXCHANGE), Token(key, self._site.address, place), self._net)
