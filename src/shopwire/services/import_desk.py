"""What a person decides about imports, by HTTP: approve, reject, undo, mend."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.exceptions import ClientException
from litestar.params import FromPath

from shopwire.kernel.errors import MalformedRequest, NotFound
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.modules.feeds.api import RejectRun
from shopwire.modules.feeds.store import get_run
from shopwire.services.import_mend import MendRequest, mend_row
from shopwire.services.import_undo import undo_run
from shopwire.services.importing import Importer

SEQ_DIGITS_MAX: Final = 9
"""Digits of a quarantined row's number; a longer one is none that there is."""


def desk_routes(importer: Importer) -> list[Any]:
    """The endpoints below `/api/imports/{run}` that change something.

    They need no key: a run is approved, rejected and undone once, a row is settled once, and the
    same request again is refused or answered with what is.
    """

    @post("/api/imports/{run:str}/approve", status_code=200, summary="Take a held feed in")
    async def approve(run: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
        return _answer(await importer.approve(run, principal=_by(request)))

    @post("/api/imports/{run:str}/reject", status_code=200, summary="Turn a held feed down")
    async def reject(run: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
        await importer.decide(RejectRun(run=run), _by(request))
        return _answer(await get_run(importer.reads, DEFAULT_TENANT, run))

    @post(
        "/api/imports/{run:str}/undo",
        status_code=200,
        summary="Put back what an import changed",
        description="What something newer changed is left, and told at `/left`. An import that is"
        " undone already is answered as it is.",
    )
    async def undo(run: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
        return _answer(await undo_run(importer, run, principal=_by(request)))

    @post(
        "/api/imports/{run:str}/quarantine/{seq:str}",
        status_code=200,
        summary="Mend a row that could not be used, or set it aside",
        description="`cells` by column, `raw` as text, or `drop`; with nothing the row is tried"
        " again as it came.",
    )
    async def mend(
        run: FromPath[str], seq: FromPath[str], request: Request[Any, Any, Any]
    ) -> Response[bytes]:
        wanted, number = await _wanted(request), _number(seq)
        return _answer(await mend_row(importer, run, number, wanted, principal=_by(request)))

    return [approve, reject, undo, mend]


def _number(seq: str) -> int:
    if not (seq.isascii() and seq.isdigit() and len(seq) <= SEQ_DIGITS_MAX):
        raise NotFound(what="quarantined row", id=seq)
    return int(seq)


async def _wanted(request: Request[Any, Any, Any]) -> MendRequest:
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=MendRequest)
    except (msgspec.DecodeError, ClientException) as problem:
        raise MalformedRequest(str(problem), field="body", reason=str(problem)) from problem


def _by(request: Request[Any, Any, Any]) -> str:
    return str(request.state.caller.principal)


def _answer(found: Any) -> Response[bytes]:
    return Response(msgspec.json.encode(found), media_type="application/json")
