"""Metrics and log events: their names are an interface, and these two tables are its definition.

`METRICS` is all that `/metrics` shows, `LOG_EVENTS` all that services write to the log. A test
reads both and compares them with what the code does.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override


class MetricSpec(msgspec.Struct, frozen=True):
    """One row of the table of metrics."""

    kind: str
    labels: tuple[str, ...]
    meaning: str


METRICS: Final = {
    "shopwire_http_requests_total": MetricSpec(
        "counter", ("route", "status"), "HTTP requests answered, by route template and status."
    ),
    "shopwire_http_request_seconds": MetricSpec(
        "histogram", ("route",), "Time from request to the end of its answer."
    ),
    "shopwire_commands_total": MetricSpec(
        "counter", ("outcome",), "Commands settled: committed, refused, replayed."
    ),
    "shopwire_events_total": MetricSpec("counter", (), "Events appended by this process."),
    "shopwire_batches_total": MetricSpec("counter", (), "Transactions of the write path."),
    "shopwire_queue_commands": MetricSpec("gauge", (), "Commands waiting in the write path."),
    "shopwire_log_events": MetricSpec("gauge", (), "Events in the log, all partitions."),
    "shopwire_hub_lag_seconds": MetricSpec(
        "gauge", (), "Age of the hub's last proof that it holds everything committed."
    ),
    "shopwire_screens": MetricSpec("gauge", (), "Connected sync clients."),
    "shopwire_topics": MetricSpec("gauge", (), "Topics that somebody watches."),
    "shopwire_frames_total": MetricSpec("counter", (), "Frames sent to sync clients."),
    "shopwire_changes_total": MetricSpec(
        "counter",
        ("form",),
        "Changes told to sync clients, one a client and topic: delta; whole where what the client"
        " had is not kept any more.",
    ),
    "shopwire_digests_differed_total": MetricSpec(
        "counter", (), "Digests of sync clients that held something else than the server."
    ),
    "shopwire_consumer_stalls": MetricSpec(
        "gauge", (), "Consumers that do not get past an event; each tries again and skips nothing."
    ),
    "shopwire_activities_done_total": MetricSpec(
        "counter", (), "Jobs outside of the database that this process has done."
    ),
    "shopwire_activity_troubles": MetricSpec(
        "gauge", (), "Jobs that failed and wait for another try, in the process that leads."
    ),
    "shopwire_database_up": MetricSpec("gauge", (), "1 while the database answers."),
    "shopwire_database_restarts_total": MetricSpec(
        "counter", (), "Times our own PostgreSQL was found dead and started again."
    ),
    "shopwire_bus_up": MetricSpec("gauge", (), "1 while a broker is connected; 0 without one."),
    "shopwire_bus_gaps_total": MetricSpec(
        "counter", (), "Times that a hub read from the database what the bus had left out."
    ),
    "shopwire_relay_events_total": MetricSpec(
        "counter", (), "Events that this process has given to the bus."
    ),
    "shopwire_relay_lag_events": MetricSpec(
        "gauge", (), "Events that the bus was not yet given, in the process that relays."
    ),
    "shopwire_issuer_keys": MetricSpec(
        "gauge", (), "Keys of the outside issuer that are trusted; 0 without one."
    ),
    "shopwire_issuer_keys_age_seconds": MetricSpec(
        "gauge", (), "Since the outside issuer's keys were last read; absent where none are."
    ),
    "shopwire_start_seconds": MetricSpec("gauge", ("step",), "How long each step of start took."),
    "shopwire_build_info": MetricSpec("gauge", ("version",), "1, with the version as label."),
}
"""Every metric: kind, labels, meaning."""

LOG_EVENTS: Final = {
    "start.step": "A part was started; `step`, `took_ms`.",
    "start.ready": "Everything runs; `url`, `took_ms`.",
    "part.failed": "A part that should run for ever ended by an error; the process stops.",
    "stop.begin": "A signal or an error asked for the end; `reason`.",
    "stop.step": "A part was stopped; `step`, `took_ms`.",
    "stop.failed": "A part did not stop cleanly; the rest is stopped all the same; `step`.",
    "stop.done": "Everything is stopped; `took_ms`.",
    "stop.forced": "A second signal ended the process without draining.",
    "imports.process": "A process beside the shop takes feeds in; `pid`.",
    "imports.no_process": "That process cannot be had, so feeds are taken in here; `reason`.",
    "imports.cut_off": "That process ended in the middle of feeds; `feeds`: how many.",
    "database.down": "The database stopped answering; `reason`.",
    "database.up": "The database answers again; `away_ms`.",
    "database.restarting": "Our own PostgreSQL is dead and is started again; `attempt`.",
    "database.restart_failed": "That start failed; `attempt`, `retry_ms`, `reason`.",
    "database.given_up": "PostgreSQL stays dead; an operator is needed, a start is rarely tried.",
    "bus.up": "A broker is connected.",
    "bus.down": "The broker is away; hubs follow the database until it is back.",
    "relay.leads": "This process relays the log to the bus.",
    "relay.asks": "At debug level: the bus took no run and is asked where it stands; `partition`.",
    "relay.rests": "The relay waits for the database; `problem`.",
    "child.ready": "A process of this installation serves; `name`, `url`, `took_ms`.",
    "child.ended": "One ended by itself and is started again; `name`, `code`, `retry_ms`.",
    "http.defect": "An unexpected error was answered with InternalError; `incident`, `path`.",
    "http.access": "One request at debug level; `method`, `path`, `status`, `took_ms`.",
    "checkout.refused": "A paid order could not be placed and is given up; `order`, `error`.",
    "checkout.unplanned": "An order was placed without its plan, which follows; `order`, `error`.",
    "checkout.provider_missing": "An order names a provider that is not set up; `provider`.",
    "checkout.provider_silent": "The sweep got no answer and asks again; `order`, `problem`.",
    "checkout.stuck": "An order could be neither placed nor given up; `order`, `error`.",
    "routing.unread": "An order is held where there is most: offers could not be read; `problem`.",
    "inbox.pruned": "Exchanged files that are over were erased; `supplier`, `files`.",
    "inbox.away": "What a supplier put into a folder cannot be read; `supplier`, `reason`.",
    "inbox.rests": "Suppliers' folders wait for the database; `reason`.",
    "webhook.refused": "A provider's webhook was not proved; `provider`, `reason`.",
    "webhook.reused": "A webhook's id came with another content; `provider`, `webhook`.",
    "webhook.kept": "A proved webhook does not fit and waits for a person; `provider`, `webhook`.",
    "access.rests": "Changes of accounts wait for the log; `problem`.",
    "issuer.keys": "The outside issuer's keys are others now; `issuer`, `keys`.",
    "issuer.away": "The outside issuer's keys cannot be read; `state` of those kept, `problem`.",
    "issuer.back": "The outside issuer's keys are read again; `keys`.",
    "order_news.rests": "The orders' live document waits for the log; `problem`.",
    "pulse.failed": "A second's pulse could not be made; the next one is tried.",
    "graphql.defect": "An unexpected error was answered over GraphQL; `incident`.",
    "library": "A message of a library's or the kernel's own logger; `logger`, `text`.",
    "demo.import": "A supplier's catalogue went in at the start; `supplier`, `rows`, `changed`.",
    "demo.feed": "A simulated supplier sent a feed; `supplier`, `rows`, `changed`, `quarantined`.",
    "demo.told_no": "The shop refused a simulated shopper's wish; `operation`, `answer`.",
    "demo.not_bought": "A simulated shopper's checkout was refused; `reason`.",
    "demo.refused": "The shop refused for a while; that party waits; `party`, `retry_ms`.",
}
"""Every event that services write to the log: when, and which fields."""


class Readings(msgspec.Struct, kw_only=True):
    """The state of all parts at one moment, as counters since start and current sizes."""

    committed: int = 0
    refused: int = 0
    replayed: int = 0
    events: int = 0
    batches: int = 0
    queue: int = 0
    log_events: int = 0
    hub_lag_ms: float = 0.0
    screens: int = 0
    topics: int = 0
    frames: int = 0
    changes: int = 0
    changes_whole: int = 0
    digests_differed: int = 0
    consumer_stalls: int = 0
    activity_troubles: int = 0
    activities_done: int = 0
    database_up: bool = True
    database_restarts: int = 0
    bus_up: bool = False
    bus_gaps: int = 0
    relay_events: int = 0
    relay_lag_events: int = 0
    issuer_keys: int = 0
    issuer_keys_age_ms: float | None = None


class Telemetry:
    """Counts what HTTP does and shows the rest when asked; one of its own per container."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("shopwire_http_requests_total")
        name = "shopwire_http_request_seconds"
        spec = METRICS[name]
        self._seconds = Histogram(name, spec.meaning, spec.labels, registry=self._registry)
        self._kinds: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        """Of each route and status that came, what counts it: to look them up costs more."""
        self.start_ms: dict[str, float] = {}
        self._version = version
        self._readings: Callable[[], Readings] = Readings
        self._registry.register(_Sampled(self))

    @property
    def version(self) -> str:
        """The version that is running."""
        return self._version

    def watch(self, readings: Callable[[], Readings]) -> None:
        """Says where sampled metrics come from."""
        self._readings = readings

    def readings(self) -> Readings:
        """The state of all parts now."""
        return self._readings()

    def request(self, route: str, status: int, started: float) -> None:
        """One HTTP request ended; `started` is of time.perf_counter()."""
        kind = self._kinds.get((route, status))
        if kind is None:
            counted = self._requests.labels(route, str(status))
            kind = self._kinds[route, status] = (counted, self._seconds.labels(route))
        kind[0].inc()
        kind[1].observe(time.perf_counter() - started)

    def exposition(self) -> bytes:
        """What `/metrics` answers, in the text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str) -> Counter:
        spec = METRICS[name]
        return Counter(name, spec.meaning, spec.labels, registry=self._registry)


class _Sampled(Collector):
    """Reads the parts when somebody asks; nothing is counted twice."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @override
    def collect(self) -> Iterable[Metric]:
        now = self._telemetry.readings()
        outcomes: dict[tuple[str, ...], float] = {
            ("committed",): now.committed,
            ("refused",): now.refused,
            ("replayed",): now.replayed,
        }
        steps: dict[tuple[str, ...], float] = {
            (step,): took / 1_000 for step, took in self._telemetry.start_ms.items()
        }
        yield _family("shopwire_commands_total", outcomes)
        yield _family("shopwire_events_total", {(): now.events})
        yield _family("shopwire_batches_total", {(): now.batches})
        yield _family("shopwire_queue_commands", {(): now.queue})
        yield _family("shopwire_log_events", {(): now.log_events})
        yield _family("shopwire_hub_lag_seconds", {(): now.hub_lag_ms / 1_000})
        yield _family("shopwire_screens", {(): now.screens})
        yield _family("shopwire_topics", {(): now.topics})
        yield _family("shopwire_frames_total", {(): now.frames})
        forms: dict[tuple[str, ...], float] = {
            ("delta",): now.changes - now.changes_whole,
            ("whole",): now.changes_whole,
        }
        yield _family("shopwire_changes_total", forms)
        yield _family("shopwire_digests_differed_total", {(): now.digests_differed})
        yield _family("shopwire_consumer_stalls", {(): now.consumer_stalls})
        yield _family("shopwire_activities_done_total", {(): now.activities_done})
        yield _family("shopwire_activity_troubles", {(): now.activity_troubles})
        yield _family("shopwire_database_up", {(): int(now.database_up)})
        yield _family("shopwire_database_restarts_total", {(): now.database_restarts})
        yield _family("shopwire_bus_up", {(): int(now.bus_up)})
        yield _family("shopwire_bus_gaps_total", {(): now.bus_gaps})
        yield _family("shopwire_relay_events_total", {(): now.relay_events})
        yield _family("shopwire_relay_lag_events", {(): now.relay_lag_events})
        yield _family("shopwire_issuer_keys", {(): now.issuer_keys})
        age_ms = now.issuer_keys_age_ms
        aged: dict[tuple[str, ...], float] = {} if age_ms is None else {(): age_ms / 1_000}
        yield _family("shopwire_issuer_keys_age_seconds", aged)
        yield _family("shopwire_start_seconds", steps)
        yield _family("shopwire_build_info", {(self._telemetry.version,): 1})


def _family(name: str, values: dict[tuple[str, ...], float]) -> Metric:
    spec = METRICS[name]
    kind = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
    family = kind(name, spec.meaning, labels=spec.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
