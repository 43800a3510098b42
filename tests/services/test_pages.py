"""The built pages: fallback, caching, policy."""

import base64
import hashlib
import os
from pathlib import Path

import httpx2
import pytest
from tests.services.conftest import Shop

pytestmark = pytest.mark.anyio

SCRIPT = "document.documentElement.dataset.theme = 'dark'"
INDEX = f"<!doctype html><script>{SCRIPT}</script><script src=/assets/a.js></script>shop one"


@pytest.fixture
def built(shop: Shop) -> Path:
    (shop.pages / "assets").mkdir()
    (shop.pages / "index.html").write_text(INDEX)
    (shop.pages / "assets" / "index-B1kR9x2Q.js").write_text("console.log(1);" * 200)
    (shop.pages / "favicon.svg").write_text("<svg/>")
    return shop.pages


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/product/enamel-kettle",
        "/product/v1.5-pump",
        "/order/7f3a9c21.1",
        "/console",
        "/console/imports/7",
    ],
)
async def test_routes_of_the_pages_get_the_index(web: httpx2.AsyncClient, built: Path, path: str):
    answer = await web.get(path)
    assert answer.status_code == 200
    assert "shop one" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_hashed_asset_is_kept_for_ever_and_compressed(web: httpx2.AsyncClient, built: Path):
    answer = await web.get("/assets/index-B1kR9x2Q.js", headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.text.startswith("console.log")


async def test_a_known_page_is_not_sent_again(web: httpx2.AsyncClient, built: Path):
    etag = (await web.get("/")).headers["etag"]
    again = await web.get("/", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


async def test_head_has_headers_only(web: httpx2.AsyncClient, built: Path):
    answer = await web.head("/favicon.svg")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "6"


async def test_a_missing_file_is_not_the_index(web: httpx2.AsyncClient, built: Path):
    for path in ("/assets/gone-12345678.js", "/robots.txt", "/../pyproject.toml"):
        assert (await web.get(path)).status_code == 404


async def test_inline_scripts_of_the_index_are_allowed_by_digest_only(
    web: httpx2.AsyncClient, built: Path
):
    policy = (await web.get("/")).headers["content-security-policy"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


async def test_a_new_build_is_noticed(web: httpx2.AsyncClient, built: Path):
    await web.get("/")
    index = built / "index.html"
    index.write_text(INDEX.replace("shop one", "shop two"))
    os.utime(index, (1, 1))
    assert "shop two" in (await web.get("/")).text


async def test_without_a_build_the_page_says_what_to_do(web: httpx2.AsyncClient, shop: Shop):
    answer = await web.get("/")
    assert answer.status_code == 503
    assert "make web" in answer.text
