"""What images are built from: locked, with hashes, and what can be said of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from cluster import audit
from cluster.cpu_lock import cpu_lock
from values.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {
    "requirements.lock": "requirements.txt",
    "requirements-openvino.lock": "requirements-openvino.txt",
    "requirements-tracing.lock": "requirements-tracing.txt",
}
CPU = "requirements-cpu.lock"
TORCHS_INDEX = "--extra-index-url ${TORCH_INDEX}\n"


def text(lock: str) -> str:
    """A lock file without the one line about where torch's build for CPUs is."""
    return (ROOT / lock).read_text().replace(TORCHS_INDEX, "", 1 if lock == CPU else 0)


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock file with its hashes."""
    joined = text(lock).replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for line in lines:
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        found.append((Requirement(requirement.strip()), hashes))
    return found


def asked(source: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / source).read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


@pytest.mark.parametrize("lock", [*LOCKS, CPU])
def test_each_line_of_a_lock_is_one_version_with_hashes_and_names_no_host(lock: str) -> None:
    found = entries(lock)
    assert found
    for requirement, hashes in found:
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement
        assert requirement.url is None
    assert "://" not in text(lock)
    assert "index" not in text(lock)


@pytest.mark.parametrize(("lock", "source"), LOCKS.items())
def test_a_lock_is_of_the_requirements_as_they_are(lock: str, source: str) -> None:
    """Else run `make lock`."""
    locked = [(one.name.lower(), str(one.specifier)) for one, _ in entries(lock)]
    for requirement in asked(source):
        assert (requirement.name.lower(), str(requirement.specifier)) in locked, "run `make lock`"


@pytest.mark.parametrize("lock", list(LOCKS)[1:])
def test_another_lock_agrees_with_the_first(lock: str) -> None:
    first = {(one.name, str(one.marker)): str(one.specifier) for one, _ in entries("requirements.lock")}
    for one, _ in entries(lock):
        assert first.get((one.name, str(one.marker)), str(one.specifier)) == str(one.specifier)


def test_the_lock_for_cpus_is_of_the_first_one_as_it_is() -> None:
    """Else run `make lock`."""
    first, cpu = ((ROOT / name).read_text() for name in ("requirements.lock", "requirements-cpu.txt"))
    assert (ROOT / CPU).read_text() == cpu_lock(first, cpu), "run `make lock`"


def test_the_lock_for_cpus_has_all_but_cuda_and_torch_without_it() -> None:
    everything = {one.name: str(one.specifier) for one, _ in entries("requirements.lock")}
    without = {one.name: str(one.specifier) for one, _ in entries(CPU)}
    assert without.pop("torch") == f"{everything.pop('torch')}+cpu"
    assert all(everything[name] == version for name, version in without.items())
    left_out = set(everything) - set(without)
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "cuda-toolkit", "triton"} <= left_out
    assert all(name == "triton" or name.startswith(("nvidia-", "cuda-")) for name in left_out)


def test_a_requirement_keeps_its_hashes() -> None:
    def lines(**hashes: int) -> str:
        return "".join(f"{name} \\\n    --hash=sha256:{number}\n" for name, number in hashes.items())

    lock = f"# from\n{lines(**{'a==1': 1, 'cuda-b==1': 2, 'torch==2': 3})}"
    made = cpu_lock(lock, f"# why\n{lines(**{'torch==2+cpu': 4})}")
    assert made.partition(TORCHS_INDEX)[2] == lines(**{"a==1": 1, "torch==2+cpu": 4})


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_what_is_needed_on_both_bases_is_locked_once(python: str) -> None:
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.9"}
    names = [
        one.name
        for one, _ in entries("requirements.lock")
        if one.marker is None or one.marker.evaluate({key: str(value) for key, value in environment.items()})
    ]
    assert len(set(names)) == len(names)
    assert {"torch", "ray", "numpy", "uvicorn", "protobuf"} <= set(names)


@pytest.mark.slow
def test_the_bill_of_materials_names_each_package_with_its_hashes(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    # -o: what make would install first is here, as this test is.
    command = [
        "make",
        "sbom",
        "-o",
        ".venv/.requirements-sbom",
        f"SBOM={made}",
        f"BIN={Path(sys.executable).parent}",
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    bill = json.loads(made.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    about = bill["metadata"]["component"]
    assert (about["name"], about["version"]) == ("segment-anything-on-ray-serve", VERSION)
    there = {(part["name"], part["version"]): part for part in bill["components"]}
    for requirement, hashes in entries("requirements.lock"):
        part = there[requirement.name, str(requirement.specifier).removeprefix("==")]
        listed = [one["content"] for place in part["externalReferences"] for one in place["hashes"]]
        assert sorted(listed) == sorted(one.removeprefix("sha256:") for one in hashes)


CLEAN: dict[str, Any] = {"name": "ray", "version": "2.60.0", "vulns": []}
BAD: dict[str, Any] = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}, {"id": "CVE-2", "fix_versions": []}],
}
SKIPPED = {"name": "torch", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([CLEAN], audit.NONE, "none of 1 packages has a known vulnerability"),
        (
            [CLEAN, BAD],
            audit.SOME,
            "pillow 1.0 has CVE-1, mended in 1.1, 2.0\n.*CVE-2, mended in no version yet",
        ),
        ([CLEAN, SKIPPED], audit.UNKNOWN, "1 of 2 packages are not in the database .* torch among them"),
        ([BAD, SKIPPED], audit.SOME, "CVE-1"),
        ([], audit.UNKNOWN, "0 of 0 packages"),
    ],
)
def test_what_an_audit_says_and_exits_with(packages: list[dict[str, Any]], status: int, says: str) -> None:
    found, sentences = audit.verdict(json.dumps({"dependencies": packages}))
    assert found == status
    assert re.search(says, "\n".join(sentences), re.DOTALL)


@pytest.mark.parametrize("report", ["", "Traceback", "[]", "{}", "null"])
def test_an_audit_that_comes_to_no_end_has_a_sentence_and_a_status_of_its_own(report: str) -> None:
    found, [sentence] = audit.verdict(report)
    assert found == audit.UNKNOWN
    assert "no database of vulnerabilities can be had" in sentence


def test_the_audit_runs_pip_audit_on_the_locks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 1, json.dumps({"dependencies": [BAD]}), "")

    monkeypatch.setattr(subprocess, "run", run)
    assert audit.main([]) == audit.SOME
    assert ran[0][-2:] == ["-r", "requirements.lock"]
    assert "--require-hashes" in ran[0]
    assert "audit: pillow 1.0 has CVE-1" in capsys.readouterr().out

    def late(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", late)
    assert audit.main(["requirements.lock", "requirements-openvino.lock"]) == audit.UNKNOWN
