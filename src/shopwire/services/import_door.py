"""The HTTP door for feeds: the same import as the command line's."""

import asyncio
import hashlib
import re
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.params import HeaderParameter, QueryParameter

from shopwire.kernel.commands import Outcome, check_key
from shopwire.kernel.errors import BodyTooLarge, InvalidField, KeyMissing, MalformedRequest
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.storage import Claim
from shopwire.kernel.validation import check_name
from shopwire.kernel.write_path import WritePath
from shopwire.modules.feeds.events import FeedKind
from shopwire.modules.feeds.limits import UPLOAD_BYTES_MAX
from shopwire.modules.feeds.profile import parse_profile
from shopwire.modules.feeds.saved import profile_by_name
from shopwire.services.feed_preview import PREVIEW_ROWS_DEFAULT, preview_feed
from shopwire.services.import_desk import desk_routes
from shopwire.services.importing import Importer, ImportRequest
from shopwire.services.leases import held_lease

SPOOL_BYTES_MAX: Final = 4 * 1024 * 1024
"""How much of a feed is held in memory; the rest waits in a file until it was read."""
_OPERATION: Final = "feeds.import"
_RUN: Final = re.compile(r"[A-Za-z0-9_-]{20,64}")
"""Long enough that no two meet."""


def import_routes(write_path: WritePath, importer: Importer) -> list[Any]:
    """The endpoints `POST /api/imports`, what is decided below it, `POST /api/feeds/preview`."""

    @post(
        "/api/imports",
        status_code=200,
        request_max_body_size=None,
        summary="Take a supplier's feed in",
        description="The body is the file. The same Idempotency-Key with the same file is answered "
        "with the first summary. Who names the `run` can follow it at `import:{run}` meanwhile; a "
        "name is used once.",
    )
    async def take_feed(
        request: Request[Any, Any, Any],
        supplier: Annotated[str, QueryParameter()],
        profile: Annotated[str | None, QueryParameter()] = None,
        source: Annotated[str, QueryParameter()] = "upload",
        encoding: Annotated[str | None, QueryParameter()] = None,
        currency: Annotated[str, QueryParameter()] = "EUR",
        as_of_ms: Annotated[int | None, QueryParameter()] = None,
        dry_run: Annotated[bool, QueryParameter()] = False,
        afresh: Annotated[bool, QueryParameter()] = False,
        kind: Annotated[FeedKind | None, QueryParameter()] = None,
        force: Annotated[bool, QueryParameter()] = False,
        run: Annotated[str | None, QueryParameter()] = None,
        idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
    ) -> Response[bytes]:
        if idempotency_key is None:
            raise KeyMissing
        check_key(idempotency_key)
        wanted = ImportRequest(
            run=new_id() if run is None else _own_run(run),
            supplier=check_name(supplier, "supplier"),
            source=check_name(source, "source"),
            profile=profile,
            encoding=encoding,
            currency=currency,
            as_of_ms=as_of_ms,
            dry_run=dry_run,
            afresh=afresh,
            kind=kind,
            force=force,
            keep=True,
            principal=request.state.caller.principal,
        )
        with SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX) as spool:
            digest = await _receive(request, spool)
            claim = Claim(
                tenant=DEFAULT_TENANT,
                principal=wanted.principal,
                operation=_OPERATION,
                key=idempotency_key,
                fingerprint=_fingerprint(wanted, digest),
            )
            leased = await write_path.claim_lease(claim)
            if isinstance(leased, Outcome):
                return _answer(leased)
            async with held_lease(write_path, leased) as held:
                summary = await importer.run(wanted, spool)  # type: ignore[arg-type]
                outcome = Outcome(status=200, body=msgspec.json.encode(summary))
                await write_path.finish_lease(held[0], outcome)
            return _answer(outcome)

    return [take_feed, _preview_route(importer), *desk_routes(importer)]


def _preview_route(importer: Importer) -> Any:
    @post(
        "/api/feeds/preview",
        status_code=200,
        request_max_body_size=None,
        summary="What the first rows of a feed would become",
        description="The body is the file; `mapping` is a mapping in TOML. With `sketch` a file"
        " that no profile fits is shown as it is, to be mapped; so is a table that has no `header`."
        " Nothing is written.",
    )
    async def preview(
        request: Request[Any, Any, Any],
        profile: Annotated[str | None, QueryParameter()] = None,
        mapping: Annotated[str | None, QueryParameter()] = None,
        encoding: Annotated[str | None, QueryParameter()] = None,
        currency: Annotated[str, QueryParameter()] = "EUR",
        rows: Annotated[int, QueryParameter()] = PREVIEW_ROWS_DEFAULT,
        sketch: Annotated[bool, QueryParameter()] = False,
        item: Annotated[str, QueryParameter()] = "",
        header: Annotated[bool, QueryParameter()] = True,
    ) -> Response[bytes]:
        chosen = parse_profile(mapping) if mapping else None
        if profile is not None and chosen is None:
            chosen = await profile_by_name(importer.reads, DEFAULT_TENANT, profile)
        with SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX) as spool:
            await _receive(request, spool)
            found = await asyncio.to_thread(
                preview_feed,
                spool,  # type: ignore[arg-type]
                profile=chosen,
                encoding=encoding,
                currency=currency,
                rows_max=rows,
                sketch=sketch,
                item=item,
                header=header,
            )
        return _answer(Outcome(status=200, body=msgspec.json.encode(found)))

    return preview


async def _receive(request: Request[Any, Any, Any], spool: SpooledTemporaryFile[bytes]) -> bytes:
    """Takes the body piece by piece; returns its digest. Raises BodyTooLarge, MalformedRequest."""
    digest, size = hashlib.sha256(), 0
    async for piece in request.stream():
        size += len(piece)
        if size > UPLOAD_BYTES_MAX:
            raise BodyTooLarge(bytes_max=UPLOAD_BYTES_MAX)
        digest.update(piece)
        await asyncio.to_thread(spool.write, piece)
    if not size:
        reason = "it is empty; send the file as the body"
        raise MalformedRequest(f"There is no file: {reason}.", field="body", reason=reason)
    spool.seek(0)
    return digest.digest()


def _own_run(run: str) -> str:
    """A run's id that its sender made up; raises InvalidField."""
    if not _RUN.fullmatch(run):
        reason = "it has 20 to 64 letters, digits and lines, made up anew for each run"
        raise InvalidField(f"run: {reason}.", field="run", reason=reason)
    return run


def _fingerprint(wanted: ImportRequest, digest: bytes) -> bytes:
    parts = (
        *(wanted.supplier, wanted.profile, wanted.encoding, wanted.currency),
        *(wanted.as_of_ms, wanted.dry_run, wanted.afresh, wanted.kind, wanted.force),
    )
    return hashlib.sha256(msgspec.json.encode(parts) + digest).digest()[:16]


def _answer(outcome: Outcome) -> Response[bytes]:
    return Response(
        outcome.body,
        status_code=outcome.status,
        headers={"Idempotency-Replayed": "true"} if outcome.replayed else {},
        media_type="application/json",
    )
