"""`callserver compile`: what runs often through mypyc and the C compiler, for this machine's interpreter."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from callserver.compiled import MODULES, PLACE, ROOT, digest, made, source
from callserver.compiled.constants import finalised

_SETUP = """
import sys
from setuptools import setup
from mypyc.build import mypycify
setup(name="packet-path", ext_modules=mypycify(sys.argv.pop().split(","), opt_level="3", debug_level="0"))
"""
_SETTINGS = """
[mypy]
cache_dir = cache
ignore_missing_imports = True
[mypy-pylibsrtp.*,cffi.*]
follow_imports = skip
"""


class CompileError(Exception):
    """Nothing was made; the text says why."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`callserver compile`."""
    parser = commands.add_parser(
        "compile",
        help="make machine code of the packet path and of judging calls: a third and half less CPU",
        description="Compile the modules that every packet and every second of a call run through, for this machine "
        "(mypyc, a C compiler; a minute or two). What starts afterwards uses it as long as they do not change.",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Compile if that has not been done; the exit code."""
    del options
    if made() is not None:
        print("the packet path is compiled already")
        return 0
    print("compiling the packet path (a minute or two) ...", flush=True)
    try:
        directory = build()
    except CompileError as error:
        print(f"callserver: {error}", file=sys.stderr)
        return 1
    print(f"{len(MODULES)} modules compiled: {directory}")
    return 0


def build(place: Path = PLACE, root: Path = ROOT) -> Path:
    """Compile into `place` and return the directory; what was made of older sources is removed. Raise CompileError."""
    if find_spec("mypyc") is None or find_spec("setuptools") is None:
        raise CompileError("mypyc and setuptools are needed: pip install 'callserver[compile]'")
    if not os.access(place, os.W_OK):
        raise CompileError(f"{place} cannot be written: run this as the user who installed callserver")
    name = digest(root)
    with tempfile.TemporaryDirectory(prefix="callserver-compile-") as scratch:
        work = Path(scratch)
        shutil.copytree(
            root / "media", work / "media", ignore=lambda _, names: [n for n in names if n == "__pycache__"]
        )
        for module in MODULES:
            path = source(module, work)
            with suppress(SyntaxError):  # the compiler says where
                path.write_text(finalised(path.read_text()))
        work.joinpath("mypy.ini").write_text(_SETTINGS)
        _compile(work)
        try:
            _put(work / "out", place, name)
        except OSError as error:
            raise CompileError(f"what was compiled cannot be kept: {error}") from error
    return place / name


def _compile(work: Path) -> None:
    files = ",".join(str(source(module, Path())) for module in MODULES)
    command = [sys.executable, "-c", _SETUP, "build_ext", "--build-lib", "out", "--build-temp", "objects", files]
    done = subprocess.run(command, cwd=work, check=False, capture_output=True, text=True)  # noqa: S603 - ourselves
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise CompileError(f"compiling failed:\n{last}")


def _put(out: Path, place: Path, name: str) -> None:
    """All at once: a worker that starts meanwhile sees everything or nothing."""
    with tempfile.TemporaryDirectory(prefix="new-", dir=place) as new:
        shutil.copytree(out, Path(new) / name)
        for old in place.iterdir():
            if old.is_dir() and len(old.name) == len(name):
                shutil.rmtree(old)
        (Path(new) / name).rename(place / name)


if __name__ == "__main__":
    sys.exit(run(argparse.Namespace()))
