"""A signal ends no process that has dropped a graph of OpenVINO in a thread of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from testing.running_app import ROOT

pytestmark = pytest.mark.slow

DROPPED = """
import faulthandler, gc, os, signal, threading
from onnx import TensorProto, helper

faulthandler.enable()
if {kept}:
    from segmenters.runtimes.openvino_runtime import OpenVinoSession
else:
    import segmenters.runtimes.openvino_runtime as module
    module._core = module._core.__wrapped__
    OpenVinoSession = module.OpenVinoSession
shape = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", shape[:1], shape[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
loaded = [OpenVinoSession(model.SerializeToString(), 1, bfloat16=False)]


def drop():
    loaded.clear()
    gc.collect()


dropping = threading.Thread(target=drop)
dropping.start()
dropping.join()
signal.signal(signal.SIGINT, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize("kept", [True, False])
def test_a_signal_after_a_graph_was_dropped_in_another_thread(kept: bool) -> None:
    """Without a core that is kept the process ends: else this test would hold nothing."""
    program = DROPPED.format(kept=kept)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout == "handled\n") is kept, done.stderr
