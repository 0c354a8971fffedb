"""Real bodies, with changes to their structure or their text."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from protocol import brush_rle
from testing.annotated import EACH_KIND, LABEL_CONFIG, annotation
from testing.label_studio_requests import CAPTURES, captured

MOST_BYTES = 2**20
"""Bytes of one body. The fuzzer looks for bodies that cost much, not for large ones."""

Json = Any

_READ = (
    "tasks",
    "params",
    "context",
    "result",
    "value",
    "data",
    "label_config",
    "schema",
    "annotation",
    "points",
)
"""Keys that the service reads. Most changes are made there, because the others are skipped unread."""

_CONTROLS = """
    BrushLabels Brush KeyPointLabels KeyPoint RectangleLabels Rectangle PolygonLabels Polygon EllipseLabels
    BitmaskLabels Bitmask Labels Choices TextArea Image Repeater Text Header View Label Style HyperText
"""
_TEXTS = (
    "",
    " ",
    "\x00",
    "a\nb\r\n",
    "\x1b[31mred",
    "\u202e\u2028",
    "\ud800",
    "größe 😀",
    "x" * 300,
    "x" * 70_000,
    "9" * 310,
    "1e400",
    "null",
    "../../etc/passwd",
    "$image",
    "$a.b[0].c",
    "{{idx}}",
    "%2e%2e/%00",
    "<a/>",
    "']]>",
    "{}",
)
_IMAGES = (
    "http://127.0.0.1:1/a.png",
    "http://169.254.169.254/latest",
    "https://user:secret@host/a.png",
    "file:///etc/passwd",
    "s3://bucket/a.png",
    "data:image/png;base64,AAAA",
    "data:image/png;base64," + "A" * 50_000,
    "/data/upload/1/a.png?x=" + "y" * 2000,
    "/data/local-files/?d=../../x.png",
    "//host/a.png",
    "http://[::1]/a.png",
    "http://ho st/\\a.png",
    "javascript:alert(1)",
)
_NUMBERS = (
    0,
    -1,
    1,
    0.5,
    100,
    100.0000001,
    1e308,
    -1e-308,
    2**31,
    2**63,
    -(2**63) - 1,
    10**310,
    99_999,
    7_000_000,
)
_XML = (
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
    "<!--",
    "]]>",
    "<View>",
    "</View>",
    '<Image name="image" value="$image"/>',
    '<BrushLabels name="tag" toName="image"><Label value="Object"/></BrushLabels>',
    '<Repeater on="$image"><Image name="i{{idx}}" value="$image[{{idx}}].url"/></Repeater>',
    ' x="1"' * 3,
    "&#0;",
    "&lt;",
    "\x0b",
)


@cache
def real() -> tuple[tuple[str, Json], ...]:
    """(route, body) of what Label Studio and this service's own commands send."""
    found: list[tuple[str, Json]] = []
    for path in sorted(CAPTURES.glob("*.json")):
        name = path.stem
        route = "/setup" if name == "setup" else "/webhook" if name.startswith("webhook") else "/predict"
        found.append((route, captured(name)))
    click = captured("browser_positive")
    found += [("/embed", _without_prompts(click)), ("/forget", _without_prompts(click))]
    found.append(("/preannotate", _with_boxes()))
    found.append(("/preannotate", {**_with_boxes(), "everything": {"points_per_side": 16}}))
    found.append(("/preannotate", {**_with_boxes(), "find": {"phrases": ["cat", "dog"], "threshold": 0.3}}))
    found.append(("/preannotate", {**_with_boxes(), "find": {}}))
    like = {"image": "/data/upload/1/2.png", "task": 2, "box": [0.1, 0.2, 0.6, 0.8], "label": "Cat"}
    found.append(("/preannotate", {**_with_boxes(), "find": {"like": [like], "not_like": [like]}}))
    found.append(("/phrases", {"phrases": ["cat", "traffic light"]}))
    found += [("/predict", _with_prompt(click, prompt)) for prompt in _prompts()]
    found += [("/predict", each) for each in _finding(click)]
    return tuple(found)


def _without_prompts(body: Json) -> Json:
    return {**body, "params": {}}


def _with_boxes() -> Json:
    regions = [each().region | {"id": kind} for kind, each in EACH_KIND.items()]
    task = {"id": 1, "data": {"image": "/data/upload/1/1.png"}, "annotations": [annotation(*regions)]}
    return {"tasks": [task], "project": "3.17", "label_config": LABEL_CONFIG}


def _with_prompt(body: Json, prompt: Json) -> Json:
    body = copy.deepcopy(body)
    first = body["params"]["context"]["result"][0]
    body["params"]["context"]["result"] = [first, {**first, "id": "second", **prompt}]
    return body


def _finding(click: Json) -> Iterator[Json]:
    """By words, and by an example, in a task with regions of each kind."""
    finds = '<TextArea name="find" toName="image"/>'
    config = LABEL_CONFIG.replace("</View>", f"{finds}</View>").replace(
        'name="box"', 'name="box" model_find="true" smart="true" model_score_threshold="0.3"'
    )
    words = {"text": ["cat, traffic light", "dog"]}
    written = {"type": "textarea", "id": "t", "from_name": "find", "to_name": "image", "value": words}
    for asked in (written, EACH_KIND["rectangle"]().region | {"id": "like"}):
        body = copy.deepcopy(click)
        body["label_config"] = config
        body["params"]["context"]["result"] = [asked]
        regions = [each().region | {"id": kind} for kind, each in EACH_KIND.items()]
        body["tasks"][0]["drafts"] = [{"id": 1, "result": regions}]
        yield body


def _prompts() -> list[Json]:
    """One of each kind that is drawn, on the picture of 960 x 640 that the captures show."""
    corners = {"x": 10, "y": 10, "width": 20, "height": 30, "rotation": 15}
    mask = np.zeros((640, 960), np.bool_)
    mask[100:300, 200:500] = True
    round_ = [[50 + 30 * np.cos(angle), 50 + 30 * np.sin(angle)] for angle in np.linspace(0, 6, 40)]
    return [
        {"type": "rectanglelabels", "value": {**corners, "rectanglelabels": ["Object"]}},
        {"type": "ellipselabels", "value": {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "rotation": 3}},
        {"type": "polygonlabels", "value": {"points": round_, "closed": True, "polygonlabels": ["Object"]}},
        {"type": "brushlabels", "value": {"format": "rle", "rle": brush_rle.encode(mask).tolist()}},
        {"type": "bitmask", "value": {"imageDataURL": _IMAGES[5], "bitmasklabels": ["Object"]}},
    ]


def body(chance: random.Random) -> tuple[str, bytes]:
    """(its route, a body), with some changes or none."""
    route, found = chance.choice(real())
    found = copy.deepcopy(found)
    for task in found.get("tasks", []):  # other images, of which some cannot be read
        if chance.random() < 0.5:
            task["data"]["image"] = f"/data/upload/1/{chance.randrange(1000)}.png"
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 2, 3, 8))):
        if _size(found, MOST_BYTES) < MOST_BYTES:
            found = changed(found, chance)
    try:
        text = json.dumps(found).encode()
    except (ValueError, RecursionError):  # numbers too long or nests too deep for Python to write
        text = b"[" * 10_000
    for _ in range(chance.choice((0, 0, 0, 0, 0, 1, 2))):
        text = chance.choice(_TEXT_CHANGES)(text, chance)
    return route, text[:MOST_BYTES]


def changed(root: Json, chance: random.Random) -> Json:
    """``root`` with one place in it changed."""
    if not isinstance(root, (dict, list)) or not root:
        return _value(root, chance)
    node, key = _place(root, chance)
    child = node[key]
    # Mostly values are changed, because a body that has lost its shape is refused before any work.
    deed = chance.choice((0, 1, 2, 2, 3, 4, *range(5, 15)))
    if deed == 0:
        del node[key]
    elif deed == 1 and isinstance(node, dict):
        node[chance.choice((*node, *_TEXTS[:12]))] = node.pop(key)
    elif deed == 2 and isinstance(node, list):
        node += [copy.deepcopy(each) for _ in range(_times(node, chance) - 1) for each in node]
    elif deed == 3:
        other = chance.choice(real())[1]
        from_, at = _place(other, chance)
        node[key] = copy.deepcopy(from_[at])
    elif deed == 4:
        node[key] = _nested(child, chance)
    else:
        node[key] = _value(child, chance)
    return root


def _place(root: Json, chance: random.Random) -> tuple[Json, Any]:
    """A container somewhere in ``root`` and a key of it, mostly deep inside."""
    node = root
    while True:
        names = [name for name in _READ if name in node] if isinstance(node, dict) else []
        if names and chance.random() < 0.7:
            key: Any = chance.choice(names)
        else:
            key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        child = node[key]
        if not isinstance(child, (dict, list)) or not child or chance.random() < 0.05:
            return node, key
        node = child


def _value(old: Json, chance: random.Random) -> Json:
    """Another value: one near the old one, or of another kind."""
    if isinstance(old, str) and chance.random() < 0.9:
        return _text(old, chance)
    if isinstance(old, (int, float)) and chance.random() < 0.8:
        return chance.choice((*_NUMBERS, old * chance.choice((-1, 2, 1000)), float("nan"), float("inf")))
    other: tuple[Callable[[], Json], ...] = (
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.choice(_NUMBERS),
        lambda: chance.choice(_TEXTS),
        lambda: chance.choice(_IMAGES),
        list,
        dict,
        lambda: [copy.deepcopy(old) for _ in range(_times(old, chance))],
        lambda: {str(number): copy.deepcopy(old) for number in range(_times(old, chance))},
        lambda: [
            [chance.choice(_NUMBERS), chance.random() * 100]
            for _ in range(chance.choice((0, 3, 3, 30, 300, 300, 3000, 30_000)))
        ],
        lambda: [chance.randrange(256) for _ in range(chance.choice((1, 50, 50, 500, 500, 5000, 100_000)))],
    )
    return chance.choice(other)()


def _text(old: str, chance: random.Random) -> str:
    if "<" in old:
        return _config(old, chance)
    if "/" in old or old.startswith("data:"):
        return chance.choice((*_IMAGES, old + chance.choice(_TEXTS), old[: chance.randrange(len(old) + 1)]))
    return chance.choice((*_TEXTS, old * _times(old, chance), old[::-1], old.upper()))


def _config(old: str, chance: random.Random) -> str:
    """A labeling config with a tag, an attribute or a piece changed."""
    at, to = sorted((chance.randrange(len(old) + 1), chance.randrange(len(old) + 1)))
    tag = chance.choice(_CONTROLS.split())
    return chance.choice(
        (
            old[:at] + chance.choice(_XML) + old[at:],
            old[:at] + old[to:],
            old[:at] + old[at:to] * _times(old[at:to], chance) + old[to:],
            old.replace(chance.choice(_CONTROLS.split()), tag),
            old.replace("image", chance.choice(_TEXTS[:17])),
            old.replace("Object", chance.choice(_TEXTS[:17])),
            old.replace(
                "/>", f'/><{tag} name="{chance.randrange(99)}" toName="image"/>', chance.randrange(1, 50)
            ),
            f"<View>{'<View>' * 3000}{old}{'</View>' * 3000}</View>",
        )
    )[:200_000]


def _times(value: Json, chance: random.Random) -> int:
    """How often to repeat a value in a body: as often as there is room, or less often.

    Each is a copy of its own. Otherwise a later change of one would change all, and take many times the room.
    """
    room = MOST_BYTES // chance.choice((4, 16, 16, 64, 64, 64)) // (_size(value, MOST_BYTES) + 1)
    return min(chance.choice((1, 2, 20, 200, 5000, 100_000)), room)


def _size(value: Json, most: int) -> int:
    """About how many characters a value has in JSON; some number over ``most`` for a larger one."""
    if isinstance(value, (dict, list)):
        total = 2
        for each in value if isinstance(value, list) else (*value, *value.values()):
            total += _size(each, most - total) + 2
            if total > most:
                break
        return total
    return len(value) + 2 if isinstance(value, str) else 8


def _nested(old: Json, chance: random.Random) -> Json:
    for _ in range(chance.choice((1, 5, 200))):
        old = [old] if chance.random() < 0.5 else {"a": old}
    return old


def _flipped(text: bytes, chance: random.Random) -> bytes:
    changed = bytearray(text)
    for _ in range(chance.choice((1, 3, 30))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(text: bytes, chance: random.Random) -> bytes:
    return text[: chance.randrange(len(text) + 1)]


def _twice(text: bytes, chance: random.Random) -> bytes:
    """A text with keys twice, or of two documents."""
    at = text.find(b"{") + 1
    return text[:at] + text[at:-1] + b"," + text[at:] if chance.random() < 0.5 else text + text


def _encoded(text: bytes, chance: random.Random) -> bytes:
    shown = text.decode("utf-8", "replace")
    return chance.choice(
        (
            shown.encode("utf-16"),
            b"\xef\xbb\xbf" + text,
            gzip.compress(text, mtime=0),
            b" " * 50_000 + text,
            text.replace(b'"', b"'"),
            b"body=" + text,
            b"",
            b"\x00" * 100,
            b"[" * 100_000,
            b'{"a":' * 50_000,
        )
    )


_TEXT_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flipped, _cut, _twice, _encoded)
