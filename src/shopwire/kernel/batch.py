"""One batch of commands, decided and written inside one transaction."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Answer, Context, Envelope, Handler, Outcome
from shopwire.kernel.errors import (
    BodyTooLarge,
    CommandTooLarge,
    InternalError,
    InvalidField,
    KeyInFlight,
    KeyMalformed,
    KeyMissing,
    KeyReused,
    MalformedRequest,
    ShopwireError,
    UnknownOperation,
)
from shopwire.kernel.events import NewEvent, encode_event
from shopwire.kernel.ids import new_id
from shopwire.kernel.limits import BATCH_EVENTS_MAX
from shopwire.kernel.rows import Need, Row
from shopwire.kernel.storage import Claim, Claimed, Transaction
from shopwire.kernel.working_set import WorkingSet

_LOG: Final = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode

_UNSTORED: Final = (
    MalformedRequest, InvalidField, BodyTooLarge, UnknownOperation,
    KeyMissing, KeyMalformed, KeyReused,
)  # fmt: skip
"""Refusals of the request itself: the corrected request may come under the same key."""


class Ticket:
    """A command on its way: its handler, its partition, the right to its key."""

    __slots__ = ("claim", "envelope", "handler", "identity", "partition", "slot", "waiter")

    def __init__(self, envelope: Envelope, handler: Handler[Any], partition: int) -> None:
        self.envelope = envelope
        self.handler = handler
        self.partition = partition
        self.claim = Claim(
            tenant=envelope.tenant,
            principal=envelope.principal,
            operation=envelope.command.operation,
            key=envelope.key,
            fingerprint=envelope.fingerprint,
        )
        self.identity: Final = (
            envelope.tenant, envelope.principal, envelope.command.operation, envelope.key,
        )  # fmt: skip
        """The scope in which the key is unique."""
        self.waiter: Any = None
        self.slot = 0


class Verdict(msgspec.Struct):
    """What came of a batch, valid once its transaction has committed."""

    settled: list[tuple[Ticket, Outcome]] = []
    deferred: list[Ticket] = []
    """Not looked at: their turn comes in a transaction of their own."""
    troubles: list[ShopwireError] = []
    """Refusals that no answer remembers because they may pass, or are our own fault."""
    events: int = 0


def refusal(error: ShopwireError) -> Outcome:
    """An error as an outcome."""
    return Outcome(status=error.status, body=_encode(error.body()))


def is_stored(error: ShopwireError) -> bool:
    """Whether a replay repeats this refusal; if not, the same key may try again."""
    return not error.temporary and error.status < 500 and not isinstance(error, _UNSTORED)


def defect(problem: BaseException, where: str) -> InternalError:
    """Logs an unexpected exception with an incident's id and returns what callers may see."""
    incident = new_id()
    _LOG.error("incident %s in %s", incident, where, exc_info=problem)
    return InternalError(incident=incident)


class _Decided(msgspec.Struct):
    """One command's effect, complete but not yet part of the batch."""

    outcome: Outcome
    rows: Sequence[Row] = ()
    events: list[NewEvent] = []
    stored: bool = True
    trouble: ShopwireError | None = None


class Batch:
    """Decides tickets in order over one working set and writes what they produced, set-wise."""

    def __init__(
        self,
        tx: Transaction,
        tickets: Sequence[Ticket],
        *,
        refused: Mapping[int, ShopwireError] | None = None,
        whole: bool = False,
    ) -> None:
        """Args: `refused` by `id(ticket)` are not decided again; `whole` never defers."""
        self._tx = tx
        self._tickets = tickets
        self._known: dict[int, Exception] = dict(refused or {})
        self._whole = whole
        self._set = WorkingSet()
        self._held: dict[tuple[str, str, str, str], Claimed] = {}
        self._needs: dict[int, frozenset[Need]] = {}
        self._events: dict[int, list[NewEvent]] = {}
        self._versions: dict[tuple[str, str], int] = {}
        self._answers: list[tuple[Claim, Outcome]] = []
        self._verdict = Verdict()

    async def run(self) -> Verdict:
        """Everything inside the transaction, in its fixed order."""
        firsts: dict[tuple[str, str, str, str], Claim] = {}
        for ticket in self._tickets:
            firsts.setdefault(ticket.identity, ticket.claim)
        claims = await self._tx.claim(list(firsts.values()))
        for identity, claimed in zip(firsts, claims, strict=True):
            if not claimed.mine:
                self._held[identity] = claimed
        await self._load()
        for at, ticket in enumerate(self._tickets):
            held = self._held.get(ticket.identity)
            if held is not None:
                self._tell(ticket, held)
            elif self._verdict.events >= BATCH_EVENTS_MAX and not self._whole:
                self._verdict.deferred = list(self._tickets[at:])
                break
            else:
                self._take(ticket, self._decide(ticket))
        await self._write()
        return self._verdict

    async def _load(self) -> None:
        kinds: dict[type[Row], dict[tuple[str, str], None]] = {}
        for ticket in self._tickets:
            if ticket.identity in self._held:
                continue
            tenant = ticket.envelope.tenant
            try:
                needs = frozenset(ticket.handler.needs(ticket.envelope.command))
            except Exception as problem:  # noqa: BLE001 - one handler's defect is not the batch's
                self._known[id(ticket)] = problem
                continue
            self._needs[id(ticket)] = needs
            for kind, group in needs:
                kinds.setdefault(kind, {})[tenant, group] = None
        for kind, groups in kinds.items():
            self._set.hold(kind, groups, await self._tx.load(kind, list(groups)))

    def _decide(self, ticket: Ticket) -> _Decided:
        envelope = ticket.envelope
        try:
            if (known := self._known.get(id(ticket))) is not None:
                raise known  # noqa: TRY301 - one way out for refusals, whoever found them
            needs = self._needs[id(ticket)]
            command_id = envelope.command_id
            context = Context(
                tenant=envelope.tenant,
                principal=envelope.principal,
                command_id=command_id,
                now_ms=self._tx.now_ms,
            )
            view = self._set.view(envelope.tenant, needs)
            decision = ticket.handler.decide(envelope.command, view, context)
            if len(decision.events) > BATCH_EVENTS_MAX:
                raise CommandTooLarge(events_max=BATCH_EVENTS_MAX)  # noqa: TRY301 - as above
            self._set.check(envelope.tenant, needs, decision.put)
            events = [
                encode_event(event, tenant=envelope.tenant, command_id=command_id)
                for event in decision.events
            ]
            self._check_versions(events)
            versions = {event.topic: event.version for event in events}
            body = _encode(Answer(versions=versions, result=decision.result))
            return _Decided(Outcome(status=200, body=body), decision.put, events)
        except Exception as problem:  # noqa: BLE001 - one handler's defect is not the batch's
            return _failed(ticket, problem)

    def _check_versions(self, events: Sequence[NewEvent]) -> None:
        """The append refuses a wrong version too, but then the whole batch has to be repeated."""
        seen: dict[tuple[str, str], int] = {}
        for event in events:
            topic = (event.tenant, event.topic)
            before = seen.get(topic) or self._versions.get(topic)
            if before is not None and event.version != before + 1:
                raise ValueError(f"{event.topic} goes from version {before} to {event.version}")
            seen[topic] = event.version
        self._versions |= seen

    def _take(self, ticket: Ticket, decided: _Decided) -> None:
        self._set.put(decided.rows)
        if decided.events:
            self._events.setdefault(ticket.partition, []).extend(decided.events)
            self._verdict.events += len(decided.events)
        if decided.stored:
            self._answers.append((ticket.claim, decided.outcome))
            # Whoever comes with this key later in the batch finds what the table will say.
            self._held[ticket.identity] = Claimed(
                mine=False, fingerprint=ticket.claim.fingerprint, outcome=decided.outcome
            )
        if decided.trouble is not None:
            self._verdict.troubles.append(decided.trouble)
        self._verdict.settled.append((ticket, decided.outcome))

    def _tell(self, ticket: Ticket, held: Claimed) -> None:
        """The outcome of a key that is not free; the same request alone sees the first answer."""
        if held.fingerprint != ticket.claim.fingerprint:
            outcome = refusal(KeyReused())
        elif held.outcome is None:
            busy = KeyInFlight(retry_ms=held.retry_ms)
            self._verdict.troubles.append(busy)
            outcome = refusal(busy)
        else:
            outcome = msgspec.structs.replace(held.outcome, replayed=True)
        self._verdict.settled.append((ticket, outcome))

    async def _write(self) -> None:
        changed = self._set.changed()
        if changed:
            await self._tx.save(changed)
        for partition, events in self._events.items():
            await self._tx.append(partition, events)
        if self._answers:
            await self._tx.answer(self._answers)


def _failed(ticket: Ticket, problem: Exception) -> _Decided:
    error = problem
    if not isinstance(error, ShopwireError):
        error = defect(problem, ticket.claim.operation)
    try:
        outcome = refusal(error)
    except Exception as unspeakable:  # noqa: BLE001 - an error whose data is no JSON is a defect
        error = defect(unspeakable, ticket.claim.operation)
        outcome = refusal(error)
    passing = error.temporary or error.status >= 500
    return _Decided(outcome, stored=is_stored(error), trouble=error if passing else None)
