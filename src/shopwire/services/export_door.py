"""The HTTP door that articles leave by: for operators all of them, for a supplier its own."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, NamedTuple, get_args
from urllib.parse import urlsplit

from litestar import Request, Response, get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Stream

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.services.export_forms import FORMS, ExportFormat
from shopwire.services.feed_export import export_pieces, export_tag, writer_for

BASE_CHARS_MAX: Final = 200
"""Letters of an address that goes before those of the shop; a longer one is refused."""


def export_routes(reads: Reads) -> list[Any]:
    """`GET /api/exports/{form}` for operators, `GET /api/portal/exports/{form}` for suppliers."""

    @get(
        "/api/exports/{form:str}",
        summary="The shop's articles as a file",
        description="In pieces, in constant memory. `supplier`: only what this one offers, with its"
        " costs and counts. `base` goes before addresses of the shop's own; `sender` and `receiver`"
        " are the names in an X12 envelope, else those of the supplier's way. With `If-None-Match`"
        " 304 where nothing changed.",
    )
    async def everything(
        form: FromPath[str],
        supplier: Annotated[str | None, QueryParameter()] = None,
        base: Annotated[str, QueryParameter()] = "",
        sender: Annotated[str, QueryParameter()] = "",
        receiver: Annotated[str, QueryParameter()] = "",
        if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
    ) -> Response[Any]:
        whose = slug_of(supplier) if supplier else None
        told = Told(whose, _base(base), sender, receiver)
        return await _file(reads, _form(form), told, if_none_match)

    @get(
        "/api/portal/exports/{form:str}",
        summary="What the shop knows of a supplier's articles, as a file",
        description="Of the supplier whose key it is: its own costs and counts.",
    )
    async def own(
        form: FromPath[str],
        request: Request[Any, Any, Any],
        if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
    ) -> Response[Any]:
        whose = str(request.state.caller.supplier)
        return await _file(reads, _form(form), Told(whose), if_none_match)

    return [everything, own]


class Told(NamedTuple):
    """What of the shop is told, and to whom."""

    supplier: str | None
    base: str = ""
    sender: str = ""
    receiver: str = ""


async def _file(reads: Reads, form: ExportFormat, told: Told, known: str | None) -> Response[Any]:
    supplier, base = told.supplier, told.base
    writer = await writer_for(
        reads, DEFAULT_TENANT, form,
        supplier=supplier, sender=told.sender, receiver=told.receiver,
    )  # fmt: skip
    tag = await export_tag(reads, DEFAULT_TENANT, form, supplier=supplier, base=base)
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if known is not None and (known.strip() == "*" or f'"{tag}"' in known):
        return Response(b"", status_code=304, headers=headers)
    kind = FORMS[form]
    name = f"{supplier or 'articles'}-{form}.{kind.suffix}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'

    async def pieces() -> AsyncIterator[bytes]:
        found = export_pieces(
            reads, DEFAULT_TENANT, form, supplier=supplier, base=base, writer=writer
        )
        async for text, _ in found:
            yield text.encode()

    return Stream(pieces(), media_type=kind.media, headers=headers)


def _form(name: str) -> ExportFormat:
    for form in get_args(ExportFormat):
        if form == name:
            known: ExportFormat = form
            return known
    reason = f"there are {', '.join(FORMS)}"
    raise InvalidField(f"There is no form {name[:60]!r}: {reason}.", field="form", reason=reason)


def _base(text: str) -> str:
    """An address without a path; raises InvalidField."""
    base = text.rstrip("/")
    split = urlsplit(base)
    plain = f"{split.scheme}://{split.netloc}" == base and split.scheme in ("http", "https")
    if base and not (plain and split.hostname and len(base) <= BASE_CHARS_MAX):
        reason = "it looks like https://shop.example"
        raise InvalidField(f"base: {reason}.", field="base", reason=reason)
    return base
