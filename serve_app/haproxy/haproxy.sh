#!/bin/sh
# What Ray starts as HAProxy (RAY_SERVE_HAPROXY_BINARY_PATH); process.py says why.
exec "${HAPROXY_PYTHON:-python}" -I "$(dirname "$0")/process.py" "$@"
