"""The router in front of cells: HAProxy, which sends a request to the cell that its path names."""

from __future__ import annotations

from serve_app.capacity.plan import Plan

_HEAD = """\
# HAProxy in front of {cells} cells. A project is in the cell that its backend's address in Label Studio
# names: http://ROUTER:9090/cell-2 is in cell 2, with all images and clicks of the project. Give each cell
# about as many annotators as the others. `cell-2:8000` below is the load balancer in front of its nodes.
global
    # Label Studio holds one for each worker. Twice so many files must be allowed to be open.
    maxconn 4096

defaults
    mode http
    timeout connect 2s
    timeout client 120s
    # configs/serve.yaml: a click is answered before that.
    timeout server 120s
    # A name that is not there yet keeps no other cell from being reached.
    default-server check inter 5s fall 2 rise 2 init-addr last,libc,none

frontend router
    bind :9090
"""
_FRONT = "    use_backend cell-{cell} if {{ path -m beg /cell-{cell}/ }} or {{ path /cell-{cell} }}\n"
_BACK = """
backend cell-{cell}
    option httpchk GET /cell-{cell}/health
    server balancer cell-{cell}:8000
"""


def router(plan: Plan) -> str:
    """HAProxy's config. A path of no cell is answered with 503."""
    cells = range(1, plan.cells + 1)
    front = "".join(_FRONT.format(cell=cell) for cell in cells)
    return _HEAD.format(cells=plan.cells) + front + "".join(_BACK.format(cell=cell) for cell in cells)
