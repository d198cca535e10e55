"""The house rules that a machine can check: who may import whom, who may ask the clock, how big a file may be.

Each rule reads one module's syntax tree and answers what is wrong. The self-tests below show that every rule
catches its violation, so that a rule which stopped working cannot pass for a clean tree.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("callserver", "signaling", "media")
MAX_LINES = 400

Rule = Callable[["Module"], Iterator[str]]


class Module(NamedTuple):
    path: str
    """From the root of the tree, with slashes."""
    nodes: list[ast.AST]
    """All of its syntax tree, outer ones first."""

    @classmethod
    def of(cls, path: str, source: str) -> "Module":
        return cls(path, list(ast.walk(ast.parse(source))))

    def inside(self, *places: str) -> bool:
        """Is the module one of these files, or in one of these folders?"""
        return any(self.path == place or self.path.startswith(f"{place}/") for place in places)


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Every imported module, or module.name, dotted and absolute, with its line."""
    package = module.path.removesuffix(".py").split("/")[:-1]
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{origin}.{alias.name}", node.lineno


def names(dotted: str, packages: tuple[str, ...]) -> bool:
    return any(dotted == package or dotted.startswith(f"{package}.") for package in packages)


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` of attribute access, calls in between left out: loop().time -> loop.time."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted_name(value)}.{attribute}"
        case ast.Call(func=function):
            return dotted_name(function)
        case _:
            return ""


# --- who may import whom -----------------------------------------------------------------------------------------

PACKAGES_KNOW = {"callserver": {"signaling", "media"}, "signaling": {"media"}, "media": set[str]()}
"""callserver -> signaling -> media, callserver -> media; never back."""

VALUES = {"api", "errors", "seconds", "units"}
SIBLINGS = {"receive", "send", "bwe", "quality"}
PARTS_KNOW = {
    **dict.fromkeys(SIBLINGS, {"wire"} | VALUES),
    **dict.fromkeys({"codecs", "recording", "voice"}, {"wire", "receive"} | VALUES),
    **dict.fromkeys(VALUES, VALUES),
    "wire": VALUES,
    "bridge": {"wire"} | SIBLINGS | VALUES,
}
"""Inside media: wire <- receive, send, bwe, quality <- bridge <- io, which alone knows them all. What reads a tap
(codecs, recording, voice) begins with a jitter buffer or a frame assembler, which are in receive."""

OUTWARD = ("asyncio", "socket", "socketserver", "select", "selectors", "ssl", "threading", "multiprocessing", "uvloop")
PEERS = ("aiortc", "aioice", "OpenSSL", "pylibsrtp")
SHELLS = ("media/io", "callserver", "signaling/http", "signaling/service.py", "signaling/performer.py")
LOAD_GENERATORS = ("callserver/bench", "callserver/drill")


def import_direction(module: Module) -> Iterator[str]:
    package, part, *_ = [*module.path.removesuffix(".py").split("/"), ""]
    for dotted, line in imports(module):
        other_package, other_part, *_ = [*dotted.split("."), ""]
        if other_package not in PACKAGES:
            continue
        if other_package != package:
            allowed = other_package in PACKAGES_KNOW[package]
        else:
            allowed = package != "media" or part in {other_part, "io"} or other_part in PARTS_KNOW.get(part, ())
        if not allowed:
            yield f"{line}: {package}/{part} may not import {dotted}"


def only_the_face_of_media(module: Module) -> Iterator[str]:
    """Signaling knows media through media.api, the announcements that it names and the errors that it raises."""
    if module.inside("signaling"):
        for dotted, line in imports(module):
            if names(dotted, ("media",)) and not names(dotted, ("media.api", "media.announcement", "media.errors")):
                yield f"{line}: signaling knows media.api only, not {dotted}"


def outside_world(module: Module) -> Iterator[str]:
    """Event loop, sockets and threads only in shells; WebRTC libraries in media/io; PyAV in codecs and recording."""
    for dotted, line in imports(module):
        if names(dotted, OUTWARD) and not module.inside(*SHELLS):
            yield f"{line}: {dotted} belongs into a shell ({', '.join(SHELLS)})"
        if names(dotted, PEERS) and not module.inside("media/io", *LOAD_GENERATORS):
            yield f"{line}: {dotted} belongs into media/io"
        if names(dotted, ("av",)) and not module.inside("media/codecs", "media/recording", *LOAD_GENERATORS):
            yield f"{line}: {dotted} belongs into media/codecs or media/recording"


def private_names_of_dependencies(module: Module) -> Iterator[str]:
    """A seam into a dependency's private names is one file: these."""
    for dotted, line in imports(module):
        package, *rest = dotted.split(".")
        private = any(part.startswith("_") and not part.startswith("__") for part in rest)
        if private and package not in PACKAGES and not module.inside("media/io"):
            yield f"{line}: private name {dotted} of a dependency outside media/io"


# --- clocks, randomness, environment -----------------------------------------------------------------------------

CLOCKS_AND_DICE = ("time", "random", "secrets")
CALLS_OF_CHANCE = ("os.urandom", "uuid.uuid1", "uuid.uuid4", "datetime.now", "datetime.utcnow", "date.today")
PURE = ("random.Random",)
SOURCE_OF_IDS = "signaling/ids.py"
"""Handed to the switchboard as an argument."""


def clocks_and_dice(module: Module) -> Iterator[str]:
    """Time and randomness are arguments everywhere but in the shells."""
    if module.inside(*SHELLS, SOURCE_OF_IDS):
        return
    for dotted, line in imports(module):
        head, _, name = dotted.partition(".")
        if head in CLOCKS_AND_DICE and name and dotted not in PURE:
            yield f"{line}: {dotted} belongs into a shell; take the value as an argument"
    for node in module.nodes:
        if isinstance(node, ast.Attribute):
            dotted = dotted_name(node)
            if (
                (dotted.partition(".")[0] in CLOCKS_AND_DICE and dotted not in PURE)
                or any(dotted == call or dotted.endswith(f".{call}") for call in CALLS_OF_CHANCE)
                or re.search(r"loop\.time$", dotted)
            ):
                yield f"{node.lineno}: {dotted} belongs into a shell; take the value as an argument"
        elif isinstance(node, ast.Call) and dotted_name(node.func) == "random.Random" and not node.args:
            yield f"{node.lineno}: random.Random without a seed"


def environment(module: Module) -> Iterator[str]:
    """Settings are read in one place. Supervise hands the environment on to the processes it starts; where a user's
    sockets may lie (XDG_RUNTIME_DIR) is the system's word, no setting."""
    if module.inside("callserver/config.py", "callserver/supervise.py", "media/io/worker_files.py"):
        return
    wanted = ("os.environ", "os.environb", "os.getenv", "os.putenv")
    for dotted, line in imports(module):
        if dotted in wanted:
            yield f"{line}: {dotted} is read in callserver/config.py only"
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and dotted_name(node) in wanted:
            yield f"{node.lineno}: {dotted_name(node)} is read in callserver/config.py only"


# --- words -------------------------------------------------------------------------------------------------------

BANNED_NOUNS = {"manager", "handler", "helper", "helpers", "util", "utils", "processor", "bot"}


def words(module: Module) -> Iterator[str]:
    """Names that say nothing: see the list of words in the house."""
    stem = Path(module.path).stem
    if BANNED_NOUNS & set(stem.lower().split("_")):
        yield f"1: the file name {stem} says nothing"
    for node in module.nodes:
        if isinstance(node, ast.ClassDef):
            parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", node.name)
            if BANNED_NOUNS & {part.lower() for part in parts}:
                yield f"{node.lineno}: the class name {node.name} says nothing"


# --- the tree ----------------------------------------------------------------------------------------------------

RULES: list[Rule] = [
    import_direction,
    only_the_face_of_media,
    outside_world,
    private_names_of_dependencies,
    clocks_and_dice,
    environment,
    words,
]


@cache
def tracked(*patterns: str) -> list[str]:
    """Files of the tree: what git knows, or all there is where the tree came without git."""
    try:
        command = ["git", "ls-files", "--", *patterns]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [
            path.relative_to(ROOT).as_posix()
            for pattern in patterns
            for path in ROOT.rglob(pattern)
            if not {".venv", "build", "node_modules"} & set(path.parts)
        ]
    return [path for path in listed if (ROOT / path).is_file()]


@cache
def module_of(path: str) -> Module:
    """A file of the tree, parsed once for all the rules."""
    return Module.of(path, (ROOT / path).read_text())


def too_long(path: str, text: str) -> bool:
    return "/vendor/" not in path and text.count("\n") > MAX_LINES


def sleeps(source: str) -> list[int]:
    """Lines that wait for real time; `asyncio.sleep(0)` only lets others run."""
    if "sleep" not in source:
        return []
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and dotted_name(node.func) in {"time.sleep", "asyncio.sleep"}
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule) -> None:
    paths = [path for path in tracked("*.py") if path.split("/")[0] in PACKAGES]
    assert len(paths) > 20
    modules = [module_of(path) for path in paths]
    assert [f"{module.path}:{fault}" for module in modules for fault in rule(module)] == []


def test_no_file_is_too_long() -> None:
    paths = tracked("*.py", "*.js", "*.mjs")
    assert [path for path in paths if too_long(path, (ROOT / path).read_text())] == []


def test_unit_and_scenario_tests_never_sleep() -> None:
    paths = [path for path in tracked("*.py") if path.startswith(("tests/unit/", "tests/scenario/"))]
    assert [f"{path}:{line}" for path in paths for line in sleeps((ROOT / path).read_text())] == []


def test_every_top_level_folder_says_what_it_is_for() -> None:
    folders = {path.split("/")[0] for path in tracked("*") if "/" in path and not path.startswith(".")}
    assert {"callserver", "signaling", "media", "web", "tests"} <= folders
    assert [folder for folder in sorted(folders) if not (ROOT / folder / "README.md").is_file()] == []


def test_what_runs_is_declared() -> None:
    """A package that only another one brought along may be gone with the next version, or in a smaller install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in project["dependencies"]}
    providers = packages_distributions()
    for path in (path for path in tracked("*.py") if path.split("/")[0] in PACKAGES):
        module = module_of(path)
        if module.inside("callserver/drill", "callserver/bench/noise.py", "media/codecs/clean_voice.py"):
            continue  # these need the extras [bench] and [voice]
        for dotted, line in imports(module):
            top = dotted.partition(".")[0]
            if top not in PACKAGES and top not in sys.stdlib_module_names:
                found = {name.lower().replace("_", "-") for name in providers.get(top, [top])}
                assert found & declared, f"{path}:{line}: {top} is not among the dependencies of pyproject.toml"


# --- the rules themselves ----------------------------------------------------------------------------------------

CAUGHT: list[tuple[Rule, str, str]] = [
    (import_direction, "media/api.py", "import signaling.call"),
    (import_direction, "media/api.py", "from callserver import config"),
    (import_direction, "signaling/call.py", "from callserver.config import Settings"),
    (import_direction, "media/wire/rtp.py", "from media.receive import nack"),
    (import_direction, "media/wire/rtp.py", "from ..bridge import forwarder"),
    (import_direction, "media/receive/nack.py", "import media.send.pacer"),
    (import_direction, "media/bwe/aimd.py", "from media import quality"),
    (import_direction, "media/api.py", "from media.wire import rtp"),
    (import_direction, "media/codecs/opus.py", "from media.bridge import tap"),
    (import_direction, "media/bridge/leg.py", "def f():\n    from media.io.engine import Engine"),
    (only_the_face_of_media, "signaling/performer.py", "from media.io.engine import Engine"),
    (only_the_face_of_media, "signaling/call.py", "import media"),
    (outside_world, "media/bridge/leg.py", "import asyncio"),
    (outside_world, "media/wire/rtp.py", "from socket import socket"),
    (outside_world, "media/send/pacer.py", "import threading"),
    (outside_world, "signaling/switchboard.py", "import asyncio"),
    (outside_world, "media/bridge/leg.py", "from aiortc import RTCPeerConnection"),
    (outside_world, "signaling/http/server.py", "import OpenSSL"),
    (outside_world, "media/io/engine.py", "import av"),
    (private_names_of_dependencies, "signaling/http/server.py", "from aiohttp import _secret"),
    (clocks_and_dice, "media/bridge/leg.py", "import time\nnow = time.monotonic()"),
    (clocks_and_dice, "media/bridge/leg.py", "from time import monotonic"),
    (clocks_and_dice, "signaling/queue.py", "import random\nx = random.random()"),
    (clocks_and_dice, "signaling/queue.py", "import random\nx = random.Random()"),
    (clocks_and_dice, "signaling/session.py", "import secrets\ntoken = secrets.token_urlsafe()"),
    (clocks_and_dice, "signaling/session.py", "import uuid\nx = uuid.uuid4()"),
    (clocks_and_dice, "signaling/hours.py", "import datetime\nx = datetime.datetime.now()"),
    (clocks_and_dice, "media/send/pacer.py", "def f(loop):\n    return loop.time()"),
    (clocks_and_dice, "media/send/pacer.py", "x = get_running_loop().time()"),
    (environment, "callserver/app.py", "import os\nx = os.environ['A']"),
    (environment, "media/io/worker.py", "from os import getenv"),
    (words, "media/io/worker.py", "class PacketHandler: ..."),
    (words, "media/io/worker.py", "class HTTPManager: ..."),
    (words, "media/io/worker.py", "class BotSession: ..."),
    (words, "signaling/call_utils.py", ""),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (import_direction, "callserver/app.py", "from signaling import call\nfrom media.io import engine"),
    (import_direction, "media/bridge/leg.py", "from media.wire import rtp\nfrom media.send.pacer import Pacer"),
    (import_direction, "media/io/engine.py", "from media.bridge.leg import Leg"),
    (only_the_face_of_media, "signaling/performer.py", "from media.api import MediaEngine"),
    (outside_world, "media/io/engine.py", "import asyncio, socket\nfrom aiortc import RTCCertificate"),
    (outside_world, "signaling/http/server.py", "import asyncio"),
    (outside_world, "media/codecs/vp8.py", "import av"),
    (private_names_of_dependencies, "media/io/srtp.py", "from pylibsrtp._binding import ffi"),
    (private_names_of_dependencies, "media/wire/rtp.py", "from media.wire import _private"),
    (clocks_and_dice, "media/io/engine.py", "import time\nnow = time.monotonic()"),
    (clocks_and_dice, "media/bridge/leg.py", "import random\ndef f(dice: random.Random): return dice.random()"),
    (clocks_and_dice, "media/bridge/leg.py", "import random\ndice = random.Random(7)"),
    (clocks_and_dice, "media/bridge/leg.py", "x = packet.time"),
    (environment, "callserver/config.py", "import os\nx = os.environ"),
    (words, "signaling/call.py", "class Robot: ...\nclass Bottom: ..."),
]


@pytest.mark.parametrize(("rule", "path", "source"), CAUGHT)
def test_a_rule_catches(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Module.of(path, source)))


@pytest.mark.parametrize(("rule", "path", "source"), ALLOWED)
def test_a_rule_allows(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Module.of(path, source))) == []


def test_length_and_sleep_are_caught() -> None:
    assert too_long("web/widget/call.js", "\n" * (MAX_LINES + 1))
    assert not too_long("web/console/vendor/preact.js", "\n" * 9999)
    assert sleeps("import asyncio\nawait asyncio.sleep(1)") == [2]
    assert sleeps("import time\ntime.sleep(0.1)\n") == [2]
    assert sleeps("import asyncio\nawait asyncio.sleep(0)") == []
