"""The recipes of docs/architecture.md, followed: each is done in a copy of the repository, and used there.

A recipe is complete when changing the Python files of its table, and no others, is enough.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk.label_interface import LabelInterface

from serve_app.sizing import ENCODED

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
COPIED = sorted(path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file())

PLACE = re.compile(r"^\| \d+ \| (?:new `([^`]+)`|\[[^\]]+\]\(([^)]+)\)) \|", re.MULTILINE)
LAYOUT = re.compile(r"^## The layout\n.*?^```\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """A recipe as somebody follows it.

    ``title``: its heading. ``made``: new files by path. ``changed``: by path, pieces of text and what stands
    there instead. ``use``: a program that prints what came of it as JSON.
    """

    title: str
    made: dict[str, str] = field(default_factory=dict)
    changed: dict[str, dict[str, str]] = field(default_factory=dict)
    use: str = ""


def listed(title: str) -> tuple[list[str], list[str]]:
    """(files to make, files to change) of the recipe under a heading, from the root of the repository."""
    section = PAGE.read_text().partition(f"\n### {title}\n")[2].partition("\n### ")[0]
    rows = PLACE.findall(section)
    assert rows, f"{PAGE.name} has no recipe {title!r}"
    changed = [str((PAGE.parent / link).resolve().relative_to(ROOT)) for _, link in rows if link]
    return [new for new, _ in rows if new], changed


def followed(recipe: Recipe, folder: Path, **variables: str) -> Any:
    """What the program prints, in a copy of the repository in which the recipe was followed."""
    for name in (*COPIED, "tests/protocol"):
        if name != "tests":
            shutil.copytree(ROOT / name, folder / name)
    (folder / "tests" / "__init__.py").touch()
    for path, text in recipe.made.items():
        (folder / path).write_text(text)
    for path, pieces in recipe.changed.items():
        source = (folder / path).read_text()
        for piece, instead in pieces.items():
            assert source.count(piece) == 1, f"{path} has {piece!r} {source.count(piece)} times"
            source = source.replace(piece, instead)
        (folder / path).write_text(source)
    environment = {**os.environ, **variables, "PYTHONPATH": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-c", recipe.use], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


CLICK = """
import json
import numpy as np
from protocol.click import read_click
from protocol.mask_prompts import read
from protocol.predictions import encode_predict, prediction
from protocol.regions import encode
from tests.protocol.support import keypoint, predict

def click_on(config):
    # The click of a request as Label Studio sends it, in the middle of a picture of 200 x 100.
    return read_click(predict(config, keypoint(50, 50)), read)

def shown(mask, score, click, **more):
    # The prediction that Label Studio gets for a mask.
    regions = encode(mask, score, click, **more)
    return json.loads(encode_predict([prediction(regions, score, "m-1")]))["results"][0]
"""


def config(tag: str) -> str:
    label = '<Label value="Object"/>'
    point = f'<KeyPointLabels name="prompt" toName="image" smart="true">{label}</KeyPointLabels>'
    return (
        f'<View><Image name="image" value="$image"/><{tag} name="out" toName="image">{label}</{tag}>'
        f"{point}</View>"
    )


THRESHOLD = '''"""The segmenter of what is about as bright as the point that was clicked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmenters.options import ModelOptions
from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt


def make(_name: str, _options: ModelOptions) -> Threshold:
    """It has no options."""
    return Threshold()


@dataclass(frozen=True, slots=True)
class Threshold:
    """Description of the segmenter."""

    name: str = "threshold"
    version: str = "threshold-1"
    input: ModelSize = ModelSize(256, enlarge=False)
    refines: bool = False

    def load_encoder(self, threads: int) -> ThresholdEncoder:
        """The encoder half."""
        return ThresholdEncoder()

    def load_decoder(self, threads: int) -> ThresholdDecoder:
        """The decoder half."""
        return ThresholdDecoder()


class ThresholdEncoder:
    """Brightness."""

    device = "cpu"

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """One embedding per image."""
        return [_embedding(pixels) for pixels in batch]


def _embedding(pixels: Pixels) -> Embedding:
    grey = pixels.rgb.mean(axis=2, dtype=np.float32)
    height, width = grey.shape
    return Embedding({"grey": grey}, "threshold-1", pixels.width, pixels.height, width, height)


class ThresholdDecoder:
    """All that is as bright as the newest click."""

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """One candidate."""
        grey = np.asarray(embedding.arrays["grey"], np.float32)
        x, y = (prompt.points[-1] * grey.shape[::-1]).astype(int)
        logits = 20 - np.abs(grey - grey[y, x])
        return Masks(logits[None], np.ones(1, np.float32), Frame(None, grey.shape))
'''

ROW = """\
        Model("threshold", "segmenters.threshold", 300, weightless=True, about="none: brightness"),
"""
MODEL = Recipe(
    "A model",
    made={"segmenters/threshold.py": THRESHOLD},
    changed={
        "segmenters/models.py": {
            '        Model(\n            "onnx",\n': f'{ROW}        Model(\n            "onnx",\n'
        }
    },
    use=CLICK
    + f"""
import sys
from segmenters.candidates import ranked
from segmenters.model_names import known
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.resample import to_mask
from serve_app.reference import models_table
from serve_app.settings import Settings
from serve_app.sizing import replica_mib
from typer.testing import CliRunner
from serve_app.cli.main import app
from values.errors import ModelError
from values.image import Pixels

settings = Settings()
try:
    known("treshold")
except ModelError as error:
    refused = error.detail
listed = json.loads(CliRunner().invoke(app, ["models", "list", "--json"]).stdout)["models"]
early = "segmenters.threshold" in sys.modules
segmenter = choose(settings.part(ModelOptions)).segmenter
rgb = np.zeros((100, 200, 3), np.uint8)
rgb[20:80, 50:150] = 200
embedding = segmenter.load_encoder(1).encode([Pixels(rgb, 200, 100)])[0]
click = click_on({config("RectangleLabels")!r})
masks = segmenter.load_decoder(1).decode(embedding, click.prompts[0])
logits, score = ranked(masks)[0]
mask = to_mask(logits, masks.frame, click.width, click.height)
print(json.dumps({{"mask": int(mask.sum()), "value": shown(mask, score, click)["result"][0]["value"],
                  "version": segmenter.version, "docs": "`threshold`" in models_table(),
                  "mib": replica_mib("Encoder", settings), "refused": refused, "early": early,
                  "listed": [each["model"] for each in listed if each["checkpoint"] is None]}}))
""",
)

ARCHIVES = '''"""Images in zip files below the folder that is mounted here."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from imaging.files import read_file
from values.errors import ImageMissing, ImageTooLarge
from values.evidence import Found
from values.locations import ArchivedFile


def read_archived(root: Path, place: ArchivedFile, max_bytes: int) -> Found:
    """The image, with the evidence of its archive. Raises as ``imaging.files.read_file`` does."""
    archive = read_file(root, place.archive, max_bytes)
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        if place.name not in opened.namelist():
            raise ImageMissing("its archive has no such image")
        if opened.getinfo(place.name).file_size > max_bytes:
            raise ImageTooLarge("it is larger than MAX_IMAGE_MIB")
        return Found(opened.read(place.name), archive.evidence)
'''

SOURCE = Recipe(
    "An image source",
    made={"imaging/archives.py": ARCHIVES},
    changed={
        "values/locations.py": {
            "Location = LabelStudioFile | ": (
                "@dataclass(frozen=True, slots=True)\nclass ArchivedFile:\n"
                '    """An image in a zip file."""\n\n    archive: str\n    name: str\n\n\n'
                "Location = ArchivedFile | LabelStudioFile | "
            )
        },
        "imaging/sources.py": {
            "from values.locations import ": "from values.locations import ArchivedFile, ",
            '    if scheme == "data":\n': (
                '    if scheme == "archive":\n'
                '        archive, _, name = value.removeprefix("archive://").partition(".zip/")\n'
                '        return ArchivedFile(f"{archive}.zip", name)\n'
                '    if scheme == "data":\n'
            ),
            "        case LocalFile():\n": (
                '        case ArchivedFile():\n            return "archives"\n        case LocalFile():\n'
            ),
        },
        "imaging/identity.py": {
            "from values.locations import ": "from values.locations import ArchivedFile, ",
            "        case LocalFile(path):\n": (
                "        case ArchivedFile(archive, name):\n"
                '            return f"archive:{archive}/{name}"\n'
                "        case LocalFile(path):\n"
            ),
        },
        "imaging/reader.py": {
            "from imaging.background_reads": (
                "from imaging.archives import read_archived\nfrom imaging.background_reads"
            ),
            "from values.locations import ": "from values.locations import ArchivedFile, ",
            "            case LocalFile():\n": (
                "            case ArchivedFile():\n"
                "                root = self._options.local_files_document_root\n"
                "                most = self._options.max_image_bytes\n"
                "                return await self._files.run(partial(read_archived, root, location, most))\n"
                "            case LocalFile():\n"
            ),
        },
    },
    use="""
import asyncio, json, pathlib, zipfile
import cv2, numpy as np
from imaging.identity import canonical
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from values.image import ImageSource, ModelSize

rgb = np.zeros((30, 40, 3), np.uint8)
rgb[:, 20:] = 255, 0, 0
with zipfile.ZipFile("photos.zip", "w") as archive:
    archive.writestr("2024/a.png", cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes())
options = ImageOptions(local_files_document_root=pathlib.Path.cwd())
source = ImageSource("archive://photos.zip/2024/a.png", "3")

async def read():
    reader = ImageReader(options)
    pixels = await reader.read(source, ModelSize(1024, enlarge=False))
    again = await reader.evidence(source)
    await reader.aclose()
    return pixels, again

pixels, again = asyncio.run(read())
print(json.dumps({"size": [pixels.width, pixels.height], "same": bool((pixels.rgb == rgb).all()),
                  "evidence": bool(again) and again == pixels.evidence,
                  "key": canonical(source, options)}))
""",
)

CONTROL = Recipe(
    "An output control",
    changed={
        "protocol/controls.py": {
            '    "Rectangle",\n)\n': '    "Rectangle",\n    "VectorLabels",\n    "Vector",\n)\n'
        },
        "protocol/regions.py": {
            "_COARSE_PIXELS = ": (
                "def _vector(mask: NDArray[np.bool_], options: RegionOptions) -> list[dict[str, Any]]:\n"
                "    paths = []\n"
                "    for polygon in _polygon(mask, options):\n"
                '        places = enumerate(polygon["points"])\n'
                '        vertices = [{"id": str(number), "x": x, "y": y} for number, (x, y) in places]\n'
                '        paths.append({"vertices": vertices, "closed": True})\n'
                "    return paths\n\n\n"
                "_COARSE_PIXELS = "
            ),
            '    "Rectangle": _rectangle,\n': ('    "Rectangle": _rectangle,\n    "Vector": _vector,\n'),
        },
    },
    use=CLICK
    + f"""
from protocol.config_warnings import warnings
from protocol.label_config import parse

config = {config("VectorLabels")!r}
mask = np.zeros((100, 200), bool)
mask[20:60, 50:150] = True
print(json.dumps({{"prediction": shown(mask, 0.5, click_on(config)), "warnings": warnings(parse(config))}}))
""",
)

SETTING = Recipe(
    "A setting",
    changed={
        "protocol/options.py": {
            "    polygon_max_parts: int = Field(": (
                "    rectangle_margin: float = Field(\n"
                '        default=0, ge=0, le=10, description="Percent of the picture around a rectangle."\n'
                "    )\n    polygon_max_parts: int = Field("
            )
        },
        "protocol/regions.py": {
            "    return [fitted(mask)]\n": (
                "    box, margin = fitted(mask), options.rectangle_margin\n"
                '    nearer = {name: box[name] - margin for name in ("x", "y")}\n'
                '    longer = {name: box[name] + 2 * margin for name in ("width", "height")}\n'
                "    return [{**box, **nearer, **longer}]\n"
            ),
        },
    },
    use=CLICK
    + f"""
import pathlib
from protocol.options import RegionOptions
from serve_app.reference import renewed
from serve_app.settings import Settings, SettingsError

try:
    Settings(rectangle_margn=1)
except SettingsError as error:
    refused = str(error)
page = "<!-- table: settings -->\\n<!-- end -->"
mask = np.zeros((100, 200), bool)
mask[20:60, 50:150] = True
options = Settings(rectangle_margin=9).part(RegionOptions)
region = shown(mask, 0.5, click_on({config("RectangleLabels")!r}), options=options)["result"][0]
print(json.dumps({{"margin": options.rectangle_margin, "value": region["value"], "refused": refused,
                  "row": next(line for line in renewed(page).splitlines() if "rectangle_m" in line)}}))
""",
)

RECIPES = (MODEL, SOURCE, CONTROL, SETTING)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_what_is_done_here_is_what_the_recipe_lists(recipe: Recipe) -> None:
    new, there = listed(recipe.title)
    assert all((ROOT / path).is_file() for path in there)
    assert set(new) == set(recipe.made)
    assert {path for path in there if path.endswith(".py")} == set(recipe.changed)


def test_each_recipe_is_followed() -> None:
    how = PAGE.read_text().partition("\n## How to add something\n")[2]
    assert re.findall(r"^### (.+)$", how, re.MULTILINE) == [recipe.title for recipe in RECIPES]


@pytest.mark.slow
def test_a_model_that_was_added_gives_a_mask_for_a_click(tmp_path: Path) -> None:
    came = followed(MODEL, tmp_path, MODEL="threshold")
    assert came["mask"] == 60 * 100
    assert came["value"]["width"] == came["value"]["x"] * 2 == 50
    assert came["version"] == "threshold-1"
    assert came["docs"]
    assert came["mib"] == 300 + ENCODED
    assert "did you mean threshold?" in came["refused"]
    assert came["listed"] == ["classical", "threshold"]
    assert not came["early"], "a model's file is imported when the model is made"


@pytest.mark.slow
def test_an_image_source_that_was_added_is_read(tmp_path: Path) -> None:
    came = followed(SOURCE, tmp_path)
    assert came == {
        "size": [40, 30],
        "same": True,
        "evidence": True,
        "key": "|3|archive:photos.zip/2024/a.png",
    }


@pytest.mark.slow
def test_an_output_control_that_was_added_takes_the_mask(tmp_path: Path) -> None:
    came = followed(CONTROL, tmp_path)
    assert came["warnings"] == []
    [region] = came["prediction"]["result"]
    assert region["value"] == {
        "vertices": [
            {"id": str(number), "x": x, "y": y}
            for number, (x, y) in enumerate([(25, 20), (25, 60), (75, 60), (75, 20)])
        ],
        "closed": True,
        "vectorlabels": ["Object"],
    }
    interface = LabelInterface(config("VectorLabels"))
    assert interface.validate_prediction(came["prediction"], return_errors=True) == []


@pytest.mark.slow
def test_a_setting_that_was_added_is_read_and_documented(tmp_path: Path) -> None:
    came = followed(SETTING, tmp_path, RECTANGLE_MARGIN="1.5")
    assert came["margin"] == 1.5, "the environment wins"
    assert (came["value"]["x"], came["value"]["width"]) == (23.5, 53)
    assert "did you mean 'rectangle_margin'?" in came["refused"]
    assert came["row"].startswith("| `rectangle_margin` | `RECTANGLE_MARGIN` | `0` | Percent")


def test_the_layout_has_a_line_for_each_package() -> None:
    layout = LAYOUT.search(PAGE.read_text())
    assert layout is not None
    described: list[str] = []
    above: list[str] = []
    for line in layout[1].splitlines():
        if line.startswith("-"):
            continue
        named = re.match(r"( *)(\w+)/ +\S", line)
        assert named, line
        above = [*above[: len(named[1]) // 2], named[2]]
        described.append("/".join(above))
    packages = {
        str(path.parent.relative_to(ROOT))
        for name in COPIED
        for path in (ROOT / name).rglob("__init__.py")
        if name != "tests" or path.parent.name == "tests"
    }
    packages |= {"cluster"} if (ROOT / "cluster").is_dir() else set()
    assert set(described) == packages
    assert len(described) == len(packages)
