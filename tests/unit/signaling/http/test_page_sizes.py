"""How much a customer's phone has to load, in bytes as the server sends them: each file compressed alone by gzip."""

import re
from pathlib import Path

import pytest

from signaling.http.static import Tree

WEB = Path(__file__).parents[4] / "web"
KB = 1024
TREE = Tree(WEB)
_STATIC_IMPORT = re.compile(r'(?:\bfrom|\bimport)\s*"(\.[^"]+)"')
_LATER_IMPORT = re.compile(r'\bimport\(\s*["`](\.[^"`]+)["`]\s*\)')


def sent(paths: set[str]) -> int:
    """Bytes of these files on the wire, without HTTP's own."""
    assets = [TREE.get(path) for path in paths]
    return sum(len(asset.compressed or asset.content) for asset in assets if asset)


def modules(entry: str, found: set[str]) -> set[str]:
    """A module and what it imports before it runs; not what it imports later, by import()."""
    if entry in found:
        return found
    found.add(entry)
    for path in _STATIC_IMPORT.findall((WEB / entry).read_text()):
        modules(str(((WEB / entry).parent / path).resolve().relative_to(WEB)), found)
    return found


def before_the_call() -> set[str]:
    """All scripts of the widget's page until its customer is connected: lobby, devices, signaling, media."""
    return modules("widget/widget.js", set())


def with_the_call() -> set[str]:
    """What it loads by itself once a call exists, while it rings: the call's screen, chat, device choice, measuring."""
    found: set[str] = set()
    for entry in ("widget/talk.js", "widget/devices.js", "shared/monitor.js"):
        modules(entry, found)
    return found - before_the_call()


def linked() -> set[str]:
    return set(re.findall(r'(?:href|src)="/web/([^"]+)"', (WEB / "widget/index.html").read_text()))


def test_the_loader_in_the_shops_page_is_at_most_2_kb() -> None:
    assert sent({"widget/loader.js"}) <= 2 * KB


def test_the_widgets_scripts_until_connected_are_at_most_12_kb() -> None:
    assert sent(before_the_call()) <= 12 * KB


def test_what_follows_during_the_call_is_at_most_11_kb() -> None:
    assert sent(with_the_call()) <= 11 * KB


@pytest.mark.parametrize("locale", sorted(path.stem for path in (WEB / "widget/locales").glob("*.json")))
def test_the_whole_page_until_connected_is_at_most_24_kb(locale: str) -> None:
    """Page, styles, icon and one catalogue, too."""
    assert sent(before_the_call() | linked() | {"widget/index.html", f"widget/locales/{locale}.json"}) <= 24 * KB


def test_the_page_preloads_every_module_so_that_none_waits_for_another() -> None:
    assert before_the_call() <= linked()
    assert not with_the_call() & linked()


def test_nothing_else_is_imported_later() -> None:
    later = {path for file in before_the_call() for path in _LATER_IMPORT.findall((WEB / file).read_text())}
    assert later == {"./${name}.js", "./monitor.js"}
