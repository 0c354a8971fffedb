#!/bin/sh
# Puts a Chromium for the browser test on this machine, from Debian or Ubuntu; does nothing when one is there.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "no Chromium here and no apt-get to install one: install Chromium and put it on PATH" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "no Chromium here; install it once with: sudo apt-get install chromium" >&2
    exit 1
fi
echo "installing chromium (once)" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium >/dev/null
