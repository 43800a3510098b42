"""Payments on a real database: two finalisers, the schema's own bounds, one effect of a hundred."""

import asyncio
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from tests.modules.shop import error_of, handlers, postgres_shop, result_of
from tests.payments.desk import AMOUNT, ORDER

from shopwire.kernel.commands import Command, Context, Decision
from shopwire.kernel.rows import View
from shopwire.modules.payments.api import (
    BookPayable,
    OpenPayment,
    RecordAuthorisation,
    RecordCapture,
    RecordDecline,
    RecordFailure,
    RecordRefund,
    RecordVoid,
    RequestCapture,
    RequestRefund,
    RequestVoid,
)
from shopwire.modules.payments.domain import Movement, Payment
from shopwire.modules.payments.machine import Machine
from shopwire.modules.payments.store import CHECKS, explain_payment

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

OPEN = OpenPayment(
    order_id=ORDER, amount_minor=AMOUNT, currency="EUR", provider="simulator", method="card"
)
APPROVED = RecordAuthorisation(
    order_id=ORDER, reference="ch_1", amount_minor=AMOUNT, currency="EUR"
)
DECLINED = RecordDecline(order_id=ORDER, reason="do_not_honor")
CAPTURE = RequestCapture(order_id=ORDER)
CAPTURED = RecordCapture(order_id=ORDER, capture_id=".capture-1", amount_minor=AMOUNT)


def refund(refund_id: str, amount_minor: int) -> RequestRefund:
    return RequestRefund(order_id=ORDER, refund_id=refund_id, amount_minor=amount_minor)


def refunded(refund_id: str, amount_minor: int) -> RecordRefund:
    return RecordRefund(order_id=ORDER, refund_id=refund_id, amount_minor=amount_minor)


async def paid(shop: Any) -> None:
    for command in (OPEN, APPROVED, CAPTURE, CAPTURED):
        await shop.do(command)


async def drifts(shop: Any) -> list[Any]:
    return [drift for check in CHECKS for drift in await check.run(shop.reads)]


async def test_a_whole_life_is_explained_line_by_line(database_url):
    async with postgres_shop(database_url) as shop:
        await paid(shop)
        await shop.do(refund("return-1", 2_500))
        await shop.do(refunded("return-1", 2_500))
        await shop.do(refund("return-2", 1_000))
        await shop.do(refunded("return-2", 1_000))
        failed = RecordFailure(
            order_id=ORDER, kind="refund", movement_id="return-2", reason="returned"
        )
        await shop.do(failed)
        explained = await explain_payment(shop.reads, "main", ORDER)
        assert {one["account"]: one["balance_minor"] for one in explained["balances"]} == {
            "customer": 0,
            "provider_clearing": 7_500,
            "refunds": 2_500,
            "revenue": -10_000,
        }
        assert [line["seq"] for line in explained["ledger"]] == list(range(1, 9))
        assert "method" not in explained["payment"]
        assert (await shop.document(f"payment:{ORDER}"))["state"] == "partly_refunded"
        assert await drifts(shop) == []


async def test_two_finalisers_in_two_processes_never_both_win(database_url):
    """The head row's lock is held from the look at the payment to the commit of its change."""
    async with postgres_shop(database_url) as one, postgres_shop(database_url) as other:
        for number in range(40):
            order = f"cart-12345678.{number + 1}"
            await one.do(replace(OPEN, order_id=order))
            approve, decline = (
                shop.ask(replace(command, order_id=order), f"{order}/{at}")
                for at, shop, command in (("a", one, APPROVED), ("b", other, DECLINED))
            )
            outcomes = await asyncio.gather(approve, decline)
            told = [event.event_type for event in await one.events()
                    if event.topic == f"payment:{order}"]  # fmt: skip
            document = await one.document(f"payment:{order}")
            if result_of(outcomes[1])["applied"]:
                # The decline came first, and what was promised after it is being given back.
                assert told[1:] == [
                    "payments.payment_declined", "payments.payment_authorised",
                    "payments.movement_requested",
                ]  # fmt: skip
                assert document["voiding"]
            else:
                assert told[1:] == ["payments.payment_authorised"]
                assert document["state"] == "authorised"
        assert await drifts(one) == []


async def test_a_capture_and_a_void_at_once_are_never_both_asked_for(database_url):
    async with postgres_shop(database_url) as one, postgres_shop(database_url) as other:
        for number in range(40):
            order = f"cart-12345678.{number + 1}"
            await one.do(replace(OPEN, order_id=order))
            await one.do(replace(APPROVED, order_id=order))
            void = RequestVoid(order_id=order, reason="cancelled")
            await asyncio.gather(
                one.ask(replace(CAPTURE, order_id=order), f"{order}/a"),
                other.ask(void, f"{order}/b"),
            )
            document = await one.document(f"payment:{order}")
            asked = {movement["kind"] for movement in document["movements"]}
            assert asked in ({"void"}, {"capture", "refund"})


async def test_a_hundred_equal_captures_and_refunds_have_one_effect(database_url):
    async with postgres_shop(database_url) as one, postgres_shop(database_url) as other:
        shops = (one, other)
        await one.do(OPEN)
        await one.do(APPROVED)

        async def hundred(command: Command, key: str | None) -> list[Any]:
            """Under one key, or each under its own as retries of a careless caller are."""
            return await asyncio.gather(
                *(shops[n % 2].ask(command, key or f"{command.operation}-{n}") for n in range(100))
            )

        for key in ("same", None):
            for command in (CAPTURE, CAPTURED, refund("r", 3_000), refunded("r", 3_000)):
                outcomes = await hundred(command, key)
                assert all(outcome.ok for outcome in outcomes)
                applied = [result_of(outcome)["applied"] for outcome in outcomes]
                assert len({outcome.body for outcome in outcomes}) == 1 if key else not any(applied)
        explained = await explain_payment(one.reads, "main", ORDER)
        assert explained["payment"]["captured_minor"] == AMOUNT
        assert explained["payment"]["refunded_minor"] == 3_000
        assert len(explained["ledger"]) == 4
        assert await drifts(one) == []


class Careless(Machine):
    """Without a single check of what is left."""

    def take_back(self, refund_id: str, amount_minor: int) -> None:
        self._change(refunding_minor=self.payment.refunding_minor + amount_minor)
        self._ask("refund", refund_id, amount_minor)


def careless_refund(command: RequestRefund, view: View, context: Context) -> Decision:
    payment = view.one(Payment, ORDER)
    assert payment is not None
    machine = Careless(payment, view.all(Movement, ORDER), context)
    machine.take_back(command.refund_id, command.amount_minor or 0)
    return Decision(put=machine.rows, events=machine.events)


def forgetful_refund(command: RequestRefund, view: View, context: Context) -> Decision:
    """Forgets to say in the payment that money is on its way out."""
    payment = view.one(Payment, ORDER)
    assert payment is not None
    machine = Careless(payment, view.all(Movement, ORDER), context)
    machine._ask("refund", command.refund_id, command.amount_minor or 0)
    return Decision(put=machine.rows, events=machine.events)


def instead(decide: Any) -> list[Any]:
    return [
        replace(handler, decide=decide) if handler.command is RequestRefund else handler
        for handler in handlers()
    ]


async def test_without_the_applications_check_the_schema_refuses_an_over_refund(database_url):
    async with postgres_shop(database_url, instead(careless_refund)) as shop:
        await paid(shop)
        outcomes = await shop.many(refund(f"r{number}", 1_500) for number in range(20))
        assert sum(outcome.ok for outcome in outcomes) == AMOUNT // 1_500
        refused = {error_of(one)["data"]["constraint"] for one in outcomes if not one.ok}
        assert refused == {"payment_returns_what_is_there"}
        assert await drifts(shop) == []


async def test_a_refund_that_its_payment_does_not_count_is_refused(database_url):
    async with postgres_shop(database_url, instead(forgetful_refund)) as shop:
        await paid(shop)
        outcome = await shop.ask(refund("r", 1_500))
        assert error_of(outcome)["data"] == {"constraint": "payment_refunds_add_up"}
        assert await drifts(shop) == []


async def refuses(connection: Any, statement: str, constraint: str | None = None) -> None:
    transaction = connection.transaction()
    await transaction.start()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refusal:
        await connection.execute(f"{statement}; SET CONSTRAINTS ALL IMMEDIATE")
    await transaction.rollback()
    if constraint:
        assert refusal.value.constraint_name == constraint


async def test_the_schema_keeps_money_where_it_is(database_url):
    async with postgres_shop(database_url) as shop:
        await paid(shop)
        await shop.do(refund("r", 1_000))
        await shop.do(refunded("r", 1_000))
    connection = await asyncpg.connect(database_url)
    try:
        for change, constraint in {
            "refunded_minor = 10001": "payment_bounds",
            "captured_minor = 10001": "payment_bounds",
            "authorised_minor = 10001": "payment_bounds",
            "refunded_minor = -1": "payment_bounds",
            "capturing_minor = 1": "payment_takes_what_is_promised",
            "refunding_minor = 9001": "payment_returns_what_is_there",
            "released_minor = 1": "payment_takes_what_is_promised",
            "charged_back_minor = 10001": "payment_charged_back",
            "verdict = 'voided'": "payment_promised",
        }.items():
            await refuses(connection, f"UPDATE payment SET {change}", constraint)
        booked = (
            "INSERT INTO money_ledger SELECT tenant, order_id, seq + 90, posting, debit, credit"
        )
        same = f"{booked}, 1, currency, command_id, at_ms FROM money_ledger WHERE seq = 1"
        await refuses(connection, same, "money_ledger_booked_once")
        for column, constraint in {
            "'x', debit, debit, 1": "money_ledger_two_sides",
            "'x', 'pocket', credit, 1": "money_ledger_accounts",
            "'x', debit, credit, 0": "money_ledger_amount_minor_check",
            "'x', debit, credit, -5": "money_ledger_amount_minor_check",
            "'x', 'purchases', credit, 5": "money_ledger_purchases",
            "'x', debit, 'supplier_payable', 5": "money_ledger_purchases",
        }.items():
            line = f"tenant, order_id, 99, {column}, currency, command_id, at_ms"
            await refuses(
                connection,
                f"INSERT INTO money_ledger SELECT {line} FROM money_ledger WHERE seq = 1",
                constraint,
            )
        await refuses(connection, "UPDATE money_ledger SET amount_minor = 1")
        await refuses(connection, "DELETE FROM money_ledger")
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.FeatureNotSupportedError)):
            await connection.execute("TRUNCATE money_ledger")
        for change, constraint in {
            "amount_minor = 1": "payment_movement_is_kept",
            "posting = 3 WHERE kind = 'capture'": "payment_movement_is_kept",
            "state = 'requested'": "payment_movement_goes_on",
            "state = 'done', posting = NULL": None,
        }.items():
            await refuses(connection, f"UPDATE payment_movement SET {change}", constraint)
        unbooked = "tenant, order_id, kind, 'x', amount_minor, final, state, reference, reason"
        times = "asked_at_ms, settled_at_ms FROM payment_movement WHERE kind = 'capture'"
        await refuses(
            connection,
            f"INSERT INTO payment_movement SELECT {unbooked}, NULL, {times}",
            "payment_movement_is_booked",
        )
        await refuses(
            connection, f"INSERT INTO payment_movement SELECT {unbooked}, 77, {times}",
            "payment_movement_tenant_order_id_posting_fkey",
        )  # fmt: skip
        await refuses(
            connection,
            "UPDATE payment_movement SET state = 'reversed' WHERE kind = 'refund'",
            "payment_refunds_add_up",
        )
    finally:
        await connection.close()


STRAY = """
    INSERT INTO money_ledger
    SELECT tenant, order_id, 9, 'refund/x', debit, credit, 1, currency, 'nobody', at_ms
    FROM money_ledger WHERE seq = 1
"""


@pytest.mark.parametrize(
    ("check", "harm"),
    [
        ("payments.movements", "UPDATE payment SET charged_back_minor = 5"),
        ("payments.ledger", "UPDATE payment SET captured_minor = 9999, released_minor = 1"),
        ("payments.ledger", "UPDATE payment SET entries = 3"),
        ("payments.documents", "UPDATE payment SET version = 99"),
        (
            "payments.postings",
            "UPDATE payment_movement SET id = 'other' WHERE kind = 'capture'",
        ),
        ("payments.events", STRAY),
    ],
)
async def test_the_audit_finds_what_was_changed_behind_its_back(database_url, check, harm):
    async with postgres_shop(database_url) as shop:
        await paid(shop)
        assert await drifts(shop) == []
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute(harm)
        finally:
            await connection.close()
        assert check in {drift.check for drift in await drifts(shop)}


async def test_what_suppliers_are_owed_stands_beside_the_money_and_is_booked_once(database_url):
    async with postgres_shop(database_url) as shop:
        await paid(shop)
        owed = BookPayable(
            order_id=ORDER, payable_id="acme/3/USD", supplier="acme", amount_minor=900,
            currency="USD",
        )  # fmt: skip
        await shop.do(owed)
        again = await shop.ask(owed)
        assert error_of(again)["data"] == {"constraint": "money_ledger_booked_once"}
        explained = await explain_payment(shop.reads, "main", ORDER)
        balances = {
            (one["account"], one["currency"]): one["balance_minor"] for one in explained["balances"]
        }
        assert balances["purchases", "USD"] == 900
        assert balances["supplier_payable", "USD"] == -900
        assert balances["revenue", "EUR"] == -AMOUNT
        assert (await shop.document(f"payment:{ORDER}"))["state"] == "captured"
        assert await drifts(shop) == []


async def test_a_void_leaves_no_line_in_the_ledger(database_url):
    async with postgres_shop(database_url) as shop:
        await shop.do(OPEN)
        await shop.do(APPROVED)
        await shop.do(RequestVoid(order_id=ORDER, reason="cancelled"))
        await shop.do(RecordVoid(order_id=ORDER))
        explained = await explain_payment(shop.reads, "main", ORDER)
        assert (explained["ledger"], explained["balances"]) == ([], [])
        assert await drifts(shop) == []
