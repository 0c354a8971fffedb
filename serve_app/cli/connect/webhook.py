"""Whether Label Studio tells this backend of annotations that were saved without their mask."""

from __future__ import annotations

from label_studio.api import Json
from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend, webhooks_to

_EVENTS = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED"})
_WITHOUT = "so /diagnose cannot tell of clicks that were saved without a mask; `review` finds them"


def webhook_warning(studio: LabelStudio, project: int, backend: Backend) -> str:
    """Why it does not, as a sentence; "" where it does. Raises what ``LabelStudio`` raises."""
    url = f"{backend.url}/webhook"
    hooks = [hook for hook in webhooks_to(studio, project, url) if _tells(hook)]
    if not hooks:
        return (
            f"the project's webhook to {url} is off, or is not for all events with their payload (Settings > "
            f"Webhooks), {_WITHOUT}"
        )
    if backend.user and not any("authorization" in _headers(hook) for hook in hooks):
        return f"Label Studio's webhooks bring no password, {_WITHOUT}"
    return ""


def _tells(hook: Json) -> bool:
    """Whether it is posted what annotations hold. What Label Studio does not say is as it makes webhooks."""
    events = hook.get("send_for_all_actions", True) or set(hook.get("actions") or ()) >= _EVENTS
    return bool(hook.get("is_active", True) and hook.get("send_payload", True) and events)


def _headers(hook: Json) -> set[str]:
    return {str(name).lower() for name in hook.get("headers") or ()}
