"""What `pip install .` installs: all that the product has in git, in one package that nobody else has."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import setup
from tests.test_floors import FLOORS
from values.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
NOT_INSTALLED = {"benchmarks", "cluster", "testing", "tests", "website"}
ALSO = {"configs", "docs"}


def tracked() -> list[str]:
    """The files in git of what is installed. New ones count, too."""
    folders = sorted(set.union(*FLOORS) - NOT_INSTALLED | ALSO)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in found.stdout.splitlines() if (ROOT / name).is_file()]


def installed_as(name: str) -> str:
    return name if name.startswith("serve_app/") else f"serve_app/floors/{name}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """As pip builds it, with the setuptools that is here: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    before = subprocess.run(
        ["git", "status", "--short"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    ]
    built = subprocess.run(
        [*command, "--wheel-dir", str(folder), "."], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    after = subprocess.run(["git", "status", "--short"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert after.stdout == before.stdout, "nothing is left here"
    [made] = folder.glob("*.whl")
    with zipfile.ZipFile(made) as opened:
        yield opened


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"segment_anything_on_ray_serve-{VERSION}.dist-info/{name}").decode()


@pytest.mark.slow
def test_it_holds_what_git_does_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {installed_as(name) for name in tracked()}
    assert {name.partition("/")[0] for name in held} == {"serve_app"}


@pytest.mark.slow
def test_what_is_run_as_a_program_is_one(wheel: zipfile.ZipFile) -> None:
    runs = {name for name in tracked() if (ROOT / name).stat().st_mode & 0o100}
    assert runs == {"serve_app/haproxy/haproxy.sh"}
    for name in runs:
        assert wheel.getinfo(installed_as(name)).external_attr >> 16 & 0o111


@pytest.mark.slow
def test_it_has_the_command_the_version_and_each_requirement(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel, "entry_points.txt") == "[console_scripts]\nserve_app = serve_app.__main__:main\n"
    said = Parser().parsestr(metadata(wheel, "METADATA"))
    assert said["Version"] == VERSION
    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("License-File") == ["LICENSE", "NOTICE"]
    needed = {Requirement(each) for each in said.get_all("Requires-Dist") or ()}
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert needed >= {Requirement(line) for line in lines if line and line[0] != "#"}
    others = {each.name for each in needed if each.marker and "extra" in str(each.marker)}
    assert others == {"openvino", "opentelemetry-exporter-otlp-proto-http"}


def test_every_package_of_the_product_is_one_of_it() -> None:
    folders = {name.rpartition("/")[0].replace("/", ".") for name in tracked() if name.endswith(".py")}
    assert folders <= {name.removeprefix("serve_app.floors.") for name in setup.packages()}
