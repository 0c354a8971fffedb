"""The device by its name, and the machine: `python -m benchmarks.gpu.card`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import command, machine
from benchmarks.encoder.network import device_described
from values.cores import usable_cores


def described(device: str) -> dict[str, Any]:
    """Raises ``values.errors.ModelError`` for a device that is not there."""
    return {"card": device_described(device, usable_cores()), "machine": machine.described()}


def main() -> None:
    """Read the arguments, look."""
    parser = argparse.ArgumentParser(description="The device by its name, and the machine.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, help="file for both")
    asked = parser.parse_args()
    command.run(lambda _: described(asked.device), asked.json)


if __name__ == "__main__":
    main()
