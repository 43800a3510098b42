"""How price rules are put, and put back."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import NotFound, VersionConflict
from shopwire.kernel.rows import Need, View
from shopwire.modules.pricing.api import PriceRules, PutRules, UndoRules
from shopwire.modules.pricing.domain import RULES_ID, RULES_PARTITION, RulesRow, RulesVersion
from shopwire.modules.pricing.events import RulesDocument, RulesPut, RulesUndone
from shopwire.modules.pricing.rules import check_rules

UNCHANGED: Final = {"applied": False, "reason": "unchanged"}
"""The answer where everything is as the command wants it."""


def do_put_rules(command: PutRules, view: View, context: Context) -> Decision:
    """Replaces the rules; raises VersionConflict where the caller saw older ones."""
    check_rules(command.rules)
    known = view.one(RulesRow, RULES_ID) or RulesRow(tenant=context.tenant)
    _check_version(command.expected_version, known, command.rules)
    if known.version and known.rules == command.rules:
        return Decision(result=UNCHANGED)
    return _put(known, command.rules, context, undo_to=known.version, returns_to=None)


def do_undo_rules(command: UndoRules, view: View, context: Context) -> Decision:
    """Puts the rules of an earlier version back; raises NotFound, VersionConflict.

    The next undo goes on from there: to what held before that version.
    """
    known = view.one(RulesRow, RULES_ID) or RulesRow(tenant=context.tenant)
    wanted = view.one(RulesVersion, str(command.to_version))
    if wanted is None and command.to_version != 0:
        raise NotFound(what="version of the price rules", id=str(command.to_version))
    rules = wanted.rules if wanted else PriceRules()
    _check_version(command.expected_version, known, rules)
    if command.to_version == known.version or known.rules == rules:
        return Decision(result=UNCHANGED)
    undo_to = wanted.undo_to if wanted else None
    return _put(known, rules, context, undo_to=undo_to, returns_to=command.to_version)


def _check_version(expected: int | None, known: RulesRow, mine: PriceRules) -> None:
    if expected is not None and expected != known.version:
        raise VersionConflict(
            topic=f"rules:{RULES_ID}",
            expected=expected,
            current=known.version,
            conflicts=[{"field": "rules", "theirs": known.rules, "mine": mine}],
        )


def _put(
    known: RulesRow,
    rules: PriceRules,
    context: Context,
    *,
    undo_to: int | None,
    returns_to: int | None,
) -> Decision:
    after = replace(known, version=known.version + 1, rules=rules, undo_to=undo_to)
    kept = RulesVersion(
        tenant=context.tenant,
        place=str(after.version),
        version=after.version,
        rules=rules,
        undo_to=undo_to,
        returns_to=returns_to,
        put_by=context.principal,
        put_at_ms=context.now_ms,
    )
    document = RulesDocument(
        rules=rules,
        by=context.principal,
        at_ms=context.now_ms,
        returns_to=returns_to,
        undo_to=undo_to,
    )
    kind = RulesPut if returns_to is None else RulesUndone
    event = kind(entity=RULES_ID, version=after.version, document=document)
    return Decision(
        put=[after, kept], events=[event], result={"applied": True, "version": after.version}
    )


def _needs_to_put(_: PutRules) -> Iterable[Need]:
    return (Need(RulesRow, RULES_ID),)


HANDLERS: Final = (
    Handler(
        command=PutRules,
        partition_key=lambda _: RULES_PARTITION,
        needs=_needs_to_put,
        decide=do_put_rules,
    ),
    Handler(
        command=UndoRules,
        partition_key=lambda _: RULES_PARTITION,
        needs=lambda command: (
            Need(RulesRow, RULES_ID),
            Need(RulesVersion, str(command.to_version)),
        ),
        decide=do_undo_rules,
    ),
)
