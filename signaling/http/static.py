"""The web/ tree: known types only, scripts and styles without their comments, compressed once, revalidated by ETag
(names have no hash)."""

import gzip
import hashlib
import re
from pathlib import Path

import msgspec
from aiohttp import hdrs, web

from signaling.http.smaller import smaller, smaller_style

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
}
"""What is served, by suffix; everything else in the tree is not there for browsers."""

MAX_ASSET_BYTES = 8 * 1024 * 1024
_COMPRESSED = frozenset({".js", ".mjs", ".css", ".html", ".json", ".webmanifest", ".txt", ".svg", ".wav"})
_SHORTENED = {".js": smaller, ".css": smaller_style}
_SAFE_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class Asset(msgspec.Struct, frozen=True):
    """One file in memory with what HTTP says about it."""

    content: bytes
    compressed: bytes | None
    content_type: str
    etag: str
    modified_ns: int


class Tree:
    """Files under one root. Holds each file that was asked for in memory, so it is bounded by the tree's size."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._assets: dict[str, Asset] = {}
        self._stems: dict[str, list[str]] = {}

    def get(self, path: str) -> Asset | None:
        """The asset at a relative path; None if there is none, or none that may be served."""
        suffix = Path(path).suffix
        if suffix not in TYPES or len(path) > 200 or not _SAFE_PATH.fullmatch(path):
            return None
        file = self._root / path
        try:
            status = file.stat()
        except OSError:
            return None
        asset = self._assets.get(path)
        if asset is None or asset.modified_ns != status.st_mtime_ns:
            inside = file.resolve().is_relative_to(self._root)
            if not inside or not file.is_file() or status.st_size > MAX_ASSET_BYTES:
                return None
            asset = self._assets[path] = _read(file, suffix, status.st_mtime_ns)
        return asset

    def stems(self, folder: str, suffix: str) -> list[str]:
        """Names without `suffix` of the files in a folder, in their order; as they were when first asked for."""
        if folder not in self._stems:
            self._stems[folder] = sorted(file.stem for file in (self._root / folder).glob(f"*{suffix}"))
        return self._stems[folder]


def _read(file: Path, suffix: str, modified_ns: int) -> Asset:
    content = file.read_bytes()
    if suffix in _SHORTENED:
        content = _SHORTENED[suffix](content.decode()).encode()
    compressed = gzip.compress(content, 9, mtime=0) if suffix in _COMPRESSED else None
    if compressed is not None and len(compressed) >= len(content):
        compressed = None
    etag = hashlib.sha256(content).hexdigest()[:32]
    return Asset(content, compressed, TYPES[suffix], etag, modified_ns)


def respond(request: web.Request, asset: Asset) -> web.Response:
    """200 with the asset, compressed if the client takes it, or 304 if it has it already."""
    headers = {hdrs.ETAG: f'"{asset.etag}"', hdrs.CACHE_CONTROL: "no-cache"}
    if asset.compressed is not None:
        headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    known = request.if_none_match or ()
    if any(tag.value in (asset.etag, "*") for tag in known):
        return web.Response(status=304, headers=headers)
    headers[hdrs.CONTENT_TYPE] = asset.content_type
    body = asset.content
    if asset.compressed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = asset.compressed
    return web.Response(body=body, headers=headers)
