from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.website import Website, website


@pytest.fixture
def web_root(tmp_path: Path) -> Path:
    """A small web/ tree."""
    root = tmp_path / "web"
    files = {
        "widget/index.html": "<!doctype html>widget",
        "widget/loader.js": "load()",
        "widget/locales/de.json": "{}",
        "widget/locales/en.json": "{}",
        "widget/widget.js": "export const many = 1;\n" * 100,
        "console/index.html": "<!doctype html>console",
        "shop/index.html": "<!doctype html>shop",
        "ops/index.html": "<!doctype html>ops",
        "test/index.html": "<!doctype html>test",
        "shared/notes.md": "not for browsers",
        "shared/tokens.css": ":root{}",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
async def site(tmp_path: Path, web_root: Path) -> AsyncIterator[Website]:
    async with website(tmp_path, web_root) as running:
        yield running
