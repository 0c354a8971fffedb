#!/bin/sh
# What a node needs, on Ubuntu 24.04, in ~/venv and ~/models: install.sh cpu|cuda [MODEL]. Nothing is done twice.
set -eu
app=$(cd "$(dirname "$0")/../.." && pwd)

case $1 in
  cpu) lock=requirements-cpu.lock ;;
  cuda) lock=requirements.lock ;;
  *)
    echo "install.sh: the device is cpu or cuda, and not $1" >&2
    exit 2
    ;;
esac

if [ ! -x "$HOME/venv/bin/python" ]; then
  sudo apt-get update --quiet
  sudo apt-get install --yes --quiet --no-install-recommends python3-venv
  python3 -m venv "$HOME/venv"
fi

# In one place: where the image finds torch's build for CPUs.
TORCH_INDEX=$(sed -n 's/^ARG TORCH_INDEX=//p' "$app/cluster/Dockerfile")
export TORCH_INDEX
"$HOME/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
  -r "$app/$lock" -r "$app/requirements-tracing.lock"

if [ $# -gt 1 ]; then
  cd "$app"
  MODEL_DIR=$HOME/models "$HOME/venv/bin/python" -m serve_app models download "$2"
fi
