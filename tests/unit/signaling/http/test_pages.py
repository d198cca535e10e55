import gzip
from pathlib import Path
from typing import Any

import pytest

from signaling.http.smaller import smaller
from signaling.http.static import Tree
from signaling.records import StorageFullError
from tests.fakes.website import SHOP_ORIGIN, Website, website


async def get(site: Website, path: str, **headers: str) -> tuple[int, Any, bytes]:
    raw = site.http.get(site.url + path, headers=headers, allow_redirects=False, auto_decompress=False)
    async with raw as response:
        return response.status, response.headers, await response.read()


async def test_pages_and_their_policies(site: Website) -> None:
    for path in ("/console", "/shop", "/widget"):
        status, headers, _ = await get(site, path)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert policy.endswith("frame-ancestors 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "camera=(self)" in headers["Permissions-Policy"]
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_the_widget_is_framed_by_its_sites_origins_only(site: Website) -> None:
    policy = (await get(site, "/widget?site=shop&locale=ar"))[1]["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP_ORIGIN}")
    for query in ("?site=nowhere", "?site=" + "x" * 100, "?site=%00", ""):
        assert (await get(site, f"/widget{query}"))[1]["Content-Security-Policy"].endswith("frame-ancestors 'self'")


async def test_a_hostile_host_header_does_not_reach_the_policy(site: Website) -> None:
    _, headers, _ = await get(site, "/console", Host="x;script-src *")
    assert "*" not in headers["Content-Security-Policy"]


async def test_the_loader_may_be_loaded_by_shops(site: Website) -> None:
    status, headers, content = await get(site, "/widget.js")
    assert (status, content, headers["Content-Type"]) == (200, b"load()", "text/javascript; charset=utf-8")
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_modules_are_compressed_and_revalidated(site: Website, web_root: Path) -> None:
    path = "/web/widget/widget.js"
    status, headers, content = await get(site, path, **{"Accept-Encoding": "br, gzip"})
    assert (status, headers["Content-Encoding"], headers["Cache-Control"]) == (200, "gzip", "no-cache")
    assert gzip.decompress(content).decode() == smaller((web_root / "widget/widget.js").read_text())
    etag = headers["ETag"]
    assert (await get(site, path, **{"If-None-Match": etag}))[0] == 304
    assert (await get(site, path, **{"If-None-Match": f'"x", W/{etag}'}))[0] == 304
    (web_root / "widget/widget.js").write_text("changed")
    status, headers, content = await get(site, path, **{"If-None-Match": etag, "Accept-Encoding": "identity"})
    assert (status, content) == (200, b"changed")


@pytest.mark.parametrize(
    "path",
    [
        "/web/shared/notes.md",
        "/web/widget/index.html",
        "/web/",
        "/web/widget",
        "/web/../pyproject.toml",
        "/web/%2e%2e/secret.js",
        "/web/..%2f..%2fsecret.js",
        "/web/widget//widget.js",
        "/web//etc/passwd.js",
        "/web/.hidden.js",
        "/web/nothing.js",
        "/web/x%00.js",
        "/web/" + "a" * 300 + ".js",
        "/etc/passwd",
    ],
)
async def test_nothing_else_is_served(site: Website, web_root: Path, path: str) -> None:
    (web_root.parent / "secret.js").write_text("secret")
    (web_root / ".hidden.js").write_text("secret")
    assert (await get(site, path))[0] == 404


def test_a_link_out_of_the_tree_is_not_followed(web_root: Path) -> None:
    (web_root.parent / "secret.js").write_text("secret")
    (web_root / "link.js").symlink_to(web_root.parent / "secret.js")
    (web_root / "inside.js").symlink_to(web_root / "widget" / "widget.js")
    tree = Tree(web_root)
    assert tree.get("link.js") is None
    assert tree.get("inside.js") is not None


async def test_the_front_door_and_heads(site: Website, tmp_path: Path, web_root: Path) -> None:
    status, headers, _ = await get(site, "/")
    assert (status, headers["Location"]) == (302, "/shop")
    async with site.http.head(site.url + "/console") as response:
        assert response.status == 200
    (tmp_path / "two").mkdir()
    async with website(tmp_path / "two", web_root, demo=False) as plain:
        assert (await get(plain, "/"))[1]["Location"] == "/console"
        assert (await get(plain, "/shop"))[0] == 404


async def test_https_is_remembered_only_for_a_configured_name(tmp_path: Path, web_root: Path) -> None:
    (tmp_path / "two").mkdir()
    async with website(tmp_path / "two", web_root, public_url="https://calls.example") as secure:
        assert "Strict-Transport-Security" in (await get(secure, "/console"))[1]
    (tmp_path / "three").mkdir()
    async with website(tmp_path / "three", web_root) as plain:
        assert "Strict-Transport-Security" not in (await get(plain, "/console"))[1]


async def test_unknown_places_and_methods_are_answered_in_json(site: Website) -> None:
    assert await site.ask("GET", "/api/v1/nothing") == (404, {"error": {"code": "not_found", "message": "Not Found"}})
    status, answer = await site.ask("DELETE", "/api/v1/calls")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")


async def test_our_own_faults_are_not_shown(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> bool:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(type(site.shared.service), "agents_ready", broken)
    status, answer = await site.ask("GET", "/api/v1/widget?site=shop")
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "secret" not in str(answer)


async def test_a_full_disk_is_said_in_words_and_not_our_fault(site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> bool:
        raise StorageFullError("the disk of the store is full")

    monkeypatch.setattr(type(site.shared.service), "agents_ready", full)
    async with site.http.get(site.url + "/api/v1/widget?site=shop") as response:
        answer = await response.json()
        assert (response.status, answer["error"]["code"]) == (503, "storage_full")
        assert response.headers["Retry-After"] == "30"
