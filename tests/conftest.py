"""What holds for every test."""

import gc
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from callserver import compiled

SCENARIOS = Path(__file__).parent / "scenario"

# No deadline an example: a busy machine must not fail a build. Every run draws other examples, and
# `--hypothesis-profile long` draws many.
settings.register_profile("callserver", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("long", settings.get_profile("callserver"), max_examples=1_000)
settings.load_profile("callserver")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--compiled", action="store_true", help="with the packet path as `callserver compile` made it")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--compiled"):
        for name in [name for name in sys.modules if name.startswith("media")]:
            del sys.modules[name]  # whatever pytest itself has imported
        if not compiled.use():
            raise pytest.UsageError("no compiled packet path of these sources: callserver compile")


def pytest_collection_finish() -> None:
    """Tests and modules stay until the end: the collector need not look at them with every cycle that a test leaves."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Compiled classes can neither be patched nor subclassed: a test that does leaves that to the interpreted ones."""
    for item in items:
        if SCENARIOS in item.path.parents:
            item.add_marker("scenario")
    if config.getoption("--compiled"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("interpreted")])
        items[:] = [item for item in items if not item.get_closest_marker("interpreted")]
