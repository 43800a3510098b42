"""The built pages of `packages/web`: kept in memory, compressed once, cached by browsers."""

import base64
import gzip
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Any, Final

import msgspec

import shopwire

INDEX: Final = "/index.html"
GZIP_BYTES_MIN: Final = 1_024
"""Smaller files are sent as they are."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For files whose name carries a digest of what is in them."""
REVALIDATE: Final = "no-cache"
"""For everything else: kept, but asked about each time (an ETag makes that cheap)."""

_ROUTES: Final = ("/product/", "/category/", "/order/", "/console/")
_HASHED: Final = re.compile(r"^/assets/.+[-.][A-Za-z0-9_-]{8,}\.\w+$")
_INLINE: Final = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_STYLE: Final = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_TEXT: Final = ("text/", "application/javascript", "application/json", "image/svg", "font/ttf")
_NOT_BUILT: Final = b"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Shopwire</title>
<body><main><h1>The pages are not built yet</h1>
<p>Run <code>make web</code> in the project's folder and load this page again.
The API answers already: <a href="/api/status">/api/status</a>.</p></main></body></html>"""

Scope = dict[str, Any]
Headers = list[tuple[bytes, bytes]]


class _File(msgspec.Struct, frozen=True):
    body: bytes
    zipped: bytes | None
    media_type: str
    etag: str
    cache: str


def pages_dir() -> Path:
    """Where the built pages are: inside the package, or beside it in a clone."""
    package = Path(shopwire.__file__).parent
    inside = package / "web"
    return inside if inside.is_dir() else package.parents[1] / "packages" / "web" / "dist"


class Pages:
    """An ASGI application for GET and HEAD of pages and their assets.

    A path that is no file's and either belongs to the pages (`/product/...`, `/console/...`) or has
    no extension gets the index. A new build is noticed by the index's time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built_at = 0.0
        self._files: dict[str, _File] = {}
        self.policy = content_policy(b"")
        """Content-Security-Policy that suits the pages as they were built."""

    async def __call__(self, scope: Scope, _receive: Any, send: Any) -> None:
        """Answers one request."""
        status, headers, body = self.find(scope["path"], dict(scope["headers"]))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        empty = scope["method"] == "HEAD" or status == 304
        await send({"type": "http.response.body", "body": b"" if empty else body})

    def find(self, path: str, asked: dict[bytes, bytes]) -> tuple[int, Headers, bytes]:
        """Status, headers and body for a path; 404 only for a file that is not there."""
        self._refresh()
        page = path.startswith(_ROUTES) or "." not in path.rsplit("/", 1)[-1]
        file = self._files.get(path) or (self._files.get(INDEX) if page else None)
        if file is None:
            media = b"text/html; charset=utf-8" if page else b"text/plain; charset=utf-8"
            body = _NOT_BUILT if page else b"There is no such file.\n"
            return (503 if page else 404), [(b"content-type", media)], body
        headers = [
            (b"etag", file.etag.encode()),
            (b"cache-control", file.cache.encode()),
            (b"vary", b"accept-encoding"),
        ]
        if file.etag.encode() in asked.get(b"if-none-match", b""):
            return 304, headers, b""
        headers.append((b"content-type", file.media_type.encode()))
        if file.zipped is not None and b"gzip" in asked.get(b"accept-encoding", b""):
            headers.append((b"content-encoding", b"gzip"))
            return 200, headers, file.zipped
        return 200, headers, file.body

    def _refresh(self) -> None:
        index = self._folder / INDEX[1:]
        try:
            built_at = index.stat().st_mtime
        except FileNotFoundError:
            self._files, self._built_at = {}, 0.0
            return
        if built_at == self._built_at:
            return
        self._files = {
            "/" + file.relative_to(self._folder).as_posix(): _load(self._folder, file)
            for file in sorted(self._folder.rglob("*"))
            if file.is_file()
        }
        self.policy = content_policy(self._files[INDEX].body)
        self._built_at = built_at


def content_policy(index: bytes) -> str:
    """What the pages may load and do; inline scripts and styles of the index by their digests."""
    html = index.decode(errors="replace")
    scripts = " ".join(["'self'", *(_digest(text) for text in _INLINE.findall(html))])
    styles = " ".join(["'self'", *(_digest(text) for text in _STYLE.findall(html))])
    return (
        f"default-src 'self'; script-src {scripts}; style-src {styles}; "
        "img-src 'self' data: https:; connect-src 'self'; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _load(folder: Path, file: Path) -> _File:
    body = file.read_bytes()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if file.suffix in {".js", ".mjs"}:
        media_type = "text/javascript"
    path = "/" + file.relative_to(folder).as_posix()
    text = media_type.startswith(_TEXT)
    zipped = gzip.compress(body, 7, mtime=0) if text and len(body) >= GZIP_BYTES_MIN else None
    return _File(
        body,
        zipped,
        f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
        f'"{hashlib.sha256(body).hexdigest()[:20]}"',
        IMMUTABLE if _HASHED.match(path) else REVALIDATE,
    )
