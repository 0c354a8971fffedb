"""What computes a graph: ONNX Runtime, OpenVINO or PyTorch behind one ``session.Session``."""

import os

# Since 1.29 ONNX Runtime's builds for Linux tell their publisher what runs where, from a thread with sockets
# of its own, unless this is there before the first import of it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
