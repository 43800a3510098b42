"""Over everything there is: each document, command and address has somebody who may not have it."""

import types
from inspect import get_annotations
from typing import Union, get_args, get_origin

import httpx2
import msgspec
import pytest

from shopwire.kernel.access_errors import Forbidden
from shopwire.kernel.identity import ANONYMOUS, Caller
from shopwire.services.command_rights import SHOPPER, SUPPLIER, check_command
from shopwire.services.container import ServeOptions, open_container
from shopwire.services.parts import MODULES
from shopwire.services.route_rights import RULES
from shopwire.sync.rights import NoStanding, Rights
from shopwire.sync.topics import KINDS, OPERATOR, OWN, PUBLIC
from shopwire.sync.topics import SUPPLIER as SUPPLIERS_VIEW

ME = Caller(role="shopper", subject="sh_me")
OTHER = Caller(role="shopper", subject="sh_other")
ACME = Caller(role="supplier", subject="acme-erp", supplier="acme")
PROGRAM = Caller(role="service", subject="stats")
OUTSIDERS = [ANONYMOUS, OTHER, ACME, PROGRAM]
SECRET = {
    "cost_minor", "cost_currency", "supplier", "suppliers", "map_minor", "margin_min_bp", "buffer",
    "email", "address", "name_of_shopper", "password_hash", "facts",
}  # fmt: skip
"""Fields that nobody but operators may see, whatever document they come to stand in."""
KNOWN = {("supplier", "cost_minor"), ("supplier", "cost_currency"), ("supplier", "supplier")}
"""What a supplier is told of its own purchase orders."""


def fields_of(kind, seen=None):
    """Names of all fields of a document's struct, and of those inside it."""
    seen = set() if seen is None else seen
    origin = get_origin(kind)
    if origin in {tuple, list, dict, Union, types.UnionType}:
        for inner in get_args(kind):
            fields_of(inner, seen)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for one in msgspec.structs.fields(kind):
            if one.name not in seen:
                seen.add(one.name)
                fields_of(one.type, seen)
    return seen


def documents():
    """Every type of document by kind; where an entity ends there may be none."""
    found = {}
    for event in (event for module in MODULES for event in module.events):
        hints = next(h for base in event.__mro__ if "document" in (h := get_annotations(base)))
        found.setdefault(event.topic_kind, []).append(hints["document"])
    return found


def views_of(kind):
    rule = KINDS[kind]
    views = [PUBLIC] if rule.audience == "public" else []
    views += [OWN] if rule.owner else []
    return views + ([SUPPLIERS_VIEW] if rule.supplier else [])


@pytest.mark.parametrize("kind", sorted(documents()))
def test_no_view_but_the_operators_has_a_field_that_is_not_for_it(kind):
    names = set().union(*map(fields_of, documents()[kind]))
    assert names, kind
    for view in views_of(kind):
        shown = names - set(view.hidden)
        told = {name for name in shown & SECRET if (view.name, name) not in KNOWN}
        assert not told, (kind, view.name)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_for_whom_the_table_says(kind):
    rights, rule = Rights(), KINDS[kind]
    mine = f"{ME.subject}-1" if kind == "cart" else f"{ME.subject}-1.1/acme"
    entity = "acme" if kind == "supplier" else mine
    operator = Caller(role="operator", subject="anna")
    seen = {c.role: rights.view(c, kind, entity) for c in (ANONYMOUS, ME, ACME, PROGRAM, operator)}
    if rule.audience == "public":
        assert set(seen.values()) == {PUBLIC}
        return
    assert seen["operator"] is OPERATOR
    assert (seen["shopper"] is OWN) == (rule.owner is not None)
    assert (seen["supplier"] is SUPPLIERS_VIEW) == (rule.supplier is not None)
    assert seen["anonymous"] is seen["service"] is rights.view(OTHER, kind, entity) is None


HANDLERS = [h for module in MODULES for h in module.handlers]


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.command.operation)
def test_no_outsider_may_send_a_command_of_somebody_else(handler):
    operation = handler.command.operation
    values = {}
    for one in msgspec.structs.fields(handler.command):
        values[one.name] = f"{ME.subject}-1.1/zenith" if "order" in one.name else None
    values |= {"cart_id": f"{ME.subject}-1", "shopper": ME.subject, "supplier": "zenith",
               "conflict_id": f"{ME.subject}-1.1/C1", "by": "shopper"}  # fmt: skip
    names = {one.name for one in msgspec.structs.fields(handler.command)}
    # Built past the checks of the door: whose it is has to be enough to be refused.
    command = handler.command(**{n: v for n, v in values.items() if n in names})
    for caller in OUTSIDERS:
        with pytest.raises(Forbidden) as refused:
            check_command(caller, command, NoStanding())
        assert "operator" in refused.value.data["allowed"]
    assert operation in SHOPPER or operation in SUPPLIER or handler.command.internal is not None


@pytest.mark.anyio
@pytest.mark.postgres
async def test_every_address_that_is_not_everybodys_is_refused_to_outsiders(database_url, tmp_path):
    options = ServeOptions(data=tmp_path, database_url=database_url, access="login")
    async with open_container(options) as container:
        app = container.app()
        routes = {
            (route.path_format, method)
            for route in app._api.routes
            for method in getattr(route, "methods", ())
            if method != "OPTIONS"
        }
        assert set(RULES) <= {path for path, _ in routes}, "a rule for an address that is not there"
        issue = container.access.sessions._tokens.issue
        tokens = [None, issue("shopper", "sh_other", ttl_ms=60_000)[0],
                  issue("supplier", "acme-erp", ttl_ms=60_000, supplier="acme")[0],
                  issue("service", "stats", ttl_ms=60_000)[0]]  # fmt: skip
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            for path, method in sorted(routes):
                if path in RULES and "own" not in RULES[path].__name__:
                    continue
                address = path.replace("{cart_id}", "sh_me-1").replace("{order_id}", "sh_me-1.1")
                address = address.replace("{", "").replace("}", "")
                for token in tokens:
                    headers = {"authorization": f"Bearer {token}"} if token else {}
                    answer = await web.request(method, address, headers=headers)
                    assert answer.status_code == 403, (method, path, token, answer.text[:200])
