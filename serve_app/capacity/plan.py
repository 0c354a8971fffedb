"""How many replicas so many annotators need: from costs to numbers, without anything of a Serve config.

Queues are short where nothing is busy for more than 60 % of the time, as a mean. Images are dealt out by
hash, so the busiest decoder has more annotators than the others; it may be busy for 85 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt

from serve_app.capacity.costs import HOP_S, INGRESS_S, MODELS, Card, images_s
from serve_app.capacity.demand import CLICK_EVERY_S, IMAGE_EVERY_S, Demand
from values.errors import ServiceError

BUSY, BUSIEST = 0.6, 0.85
CELL = 1000
"""Annotators of one cluster at most. Each of Serve's routers knows each replica, so what the one controller
has to tell grows with their product."""

MACHINE_CORES = 32
"""What one machine has, beyond which a cluster is cheaper."""

ENCODER_CORES = 4
"""Cores that an encoder without a GPU uses."""

KEPT = 6
"""Images of each annotator in a decoder's memory: the open one, four that are prefetched, the one before."""

_CACHE_STEP_MIB = 256
_LEAST_CACHE_MIB = 512


class TooFew(ServiceError):
    """What is there does not carry so many annotators."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Of one cell: replicas at their most, what each uses, and for whom.

    ``cells``: clusters of this kind. ``annotators``: of one of them. ``threads``: clicks that a decoder
    decodes at once, a core each.
    """

    model: str
    card: Card
    annotators: int
    cells: int
    ingresses: int
    fetchers: int
    encoders: int
    decoders: int
    threads: int
    cache_mib: int

    @property
    def cores(self) -> float:
        """CPU cores of one cell when all is busy, besides Ray's own and HAProxy's."""
        encoding = ENCODER_CORES if self.card is Card.NONE else 0.5
        return self.decoders * self.threads + self.encoders * encoding + 0.5 * self.ingresses + self.fetchers

    @property
    def on_one_machine(self) -> bool:
        """Whether a single machine carries it."""
        gpus = 0 if self.card is Card.NONE else self.encoders
        return self.cells == 1 and self.cores <= MACHINE_CORES and gpus <= 8

    def carried(self, what: str) -> int:
        """Annotators at whom ``what`` is as busy as it may be: "decoders", "encoders", "ingresses" or
        "fetchers". The others have room then."""
        costs = MODELS[self.model]
        if what == "decoders":
            return _carried_by_decoders(self.decoders, self.threads, self.model)
        if what == "encoders":
            return int(self.encoders * _encoder_s(self.model, self.card) * BUSIEST * IMAGE_EVERY_S)
        if what == "ingresses":
            return int(self.ingresses * BUSIEST / INGRESS_S * CLICK_EVERY_S)
        return int(self.fetchers * BUSIEST / costs.read_s * IMAGE_EVERY_S)


def plan(annotators: int, model: str, card: Card, gpus: int | None = None) -> Plan:
    """For so many annotators who work at once. ``gpus``: how many there are; None: as many as needed.

    Raises TooFew where that is not enough, NoFigures where nothing is known of the model on that card.
    """
    cells = ceil(annotators / CELL)
    demand = Demand(ceil(annotators / cells))
    encoders = _encoders(demand, model, card, cells, gpus)
    threads = 2 if demand.annotators <= CELL // 10 else 4
    decoders = _decoders(demand.annotators, threads, model)
    return Plan(
        model,
        card,
        demand.annotators,
        cells,
        max(2, ceil(demand.clicks_s * INGRESS_S / BUSY)),
        max(2, ceil(demand.images_s * MODELS[model].read_s / BUSY)),
        encoders,
        decoders,
        threads,
        _cache_mib(demand.annotators / decoders, model),
    )


def busiest(annotators: int, decoders: int) -> float:
    """Annotators at the busiest of so many decoders over their mean, when each has one image, dealt out by
    hash: the usual bound of the largest of so many counts (mean plus a normal tail)."""
    mean = annotators / decoders
    return 1 + sqrt(2 * mean * log(decoders)) / mean


def one_core(model: str) -> int:
    """Annotators that one decoder core carries at 60 %."""
    return int(BUSY / (MODELS[model].decode_s + HOP_S) * CLICK_EVERY_S)


def one_encoder(model: str, card: Card) -> int:
    """Annotators that one GPU, or one core that encodes, carries at 60 %. Raises NoFigures."""
    return int(BUSY * images_s(model, card) * IMAGE_EVERY_S)


def one_ingress() -> int:
    """Annotators that one ingress replica carries at 60 %."""
    return int(BUSY / INGRESS_S * CLICK_EVERY_S)


def _encoder_s(model: str, card: Card) -> float:
    return images_s(model, card) * (ENCODER_CORES if card is Card.NONE else 1)


def _encoders(demand: Demand, model: str, card: Card, cells: int, gpus: int | None) -> int:
    needed = ceil(demand.images_s / (_encoder_s(model, card) * BUSY))
    there = None if gpus is None else gpus // cells
    if there is not None and card is Card.NONE:
        raise TooFew(f"--gpus {gpus} says how many GPUs there are, and not which; name them by --gpu")
    if there is not None and needed > there:
        carried = int((gpus or 0) * _encoder_s(model, card) * BUSY * IMAGE_EVERY_S)
        raise TooFew(
            f"{cells * demand.annotators} annotators with {model} need {cells * needed} GPUs of the kind"
            f" {card} and --gpus is {gpus}: so many carry {carried}. Plan for fewer annotators, or name a"
            " smaller model by --model"
        )
    # In a cluster two, if they are there, so that one that dies stops nobody.
    wished = 2 if demand.annotators > CELL // 10 else 1
    return max(needed, wished if there is None else min(wished, there))


def _click_s(model: str) -> float:
    return MODELS[model].decode_s + HOP_S


def _decoders(annotators: int, threads: int, model: str) -> int:
    clicks_s = Demand(annotators).clicks_s
    count = max(2, ceil(clicks_s * _click_s(model) / (threads * BUSY)))
    while _carried_by_decoders(count, threads, model) < annotators:
        count += 1
    return count


def _carried_by_decoders(decoders: int, threads: int, model: str) -> int:
    """The most annotators with whom the busiest of them is busy for 85 %."""
    # mean + sqrt(2 mean log(decoders)) = most, solved for the mean.
    most = threads * BUSIEST / _click_s(model) * CLICK_EVERY_S
    root = (sqrt(2 * log(decoders) + 4 * most) - sqrt(2 * log(decoders))) / 2
    return int(decoders * root**2)


def _cache_mib(annotators: float, model: str) -> int:
    from segmenters.models import MODELS as KNOWN  # here, so that a plan's arithmetic needs nothing of it

    wanted = KEPT * annotators * KNOWN[model].embedding_mib
    return max(_LEAST_CACHE_MIB, ceil(wanted / _CACHE_STEP_MIB) * _CACHE_STEP_MIB)
