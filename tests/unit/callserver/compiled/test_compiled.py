"""What was compiled is used for the sources it was made of, and for no others."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from callserver import compiled
from callserver.compiled import MODULES, ROOT, SUFFIX, build

LOADING = """
import sys
import tomllib
from pathlib import Path
from callserver import compiled
print(compiled.use(Path(sys.argv[1])), len(sys.meta_path))
import media.wire.rtp
print(media.wire.rtp.__file__)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the sources."""
    shutil.copytree(ROOT / "media", tmp_path / "root" / "media", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "root"


def test_a_changed_source_has_nothing_compiled(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    directory = place / compiled.digest(root)
    directory.mkdir(parents=True)
    assert compiled.made(place, root) == directory
    path = compiled.source(MODULES[0], root)
    path.write_text(path.read_text() + "# \n")
    assert compiled.made(place, root) is None


def test_without_sources_nothing_is_compiled(tmp_path: Path) -> None:
    assert compiled.made(tmp_path, tmp_path) is None


def test_the_finder_knows_what_lies_in_its_directory(tmp_path: Path) -> None:
    for name in ("media/wire/rtp", "library__mypyc"):
        path = tmp_path / f"{name}{SUFFIX}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "media/wire/rtcp.py").touch()
    finder = compiled.CompiledFinder(tmp_path)
    assert sorted(finder.files) == ["library__mypyc", "media.wire.rtp"]
    spec = finder.find_spec("media.wire.rtp", None)
    assert spec is not None
    assert spec.origin == str(tmp_path / f"media/wire/rtp{SUFFIX}")
    assert finder.find_spec("media.wire.rtcp", None) is None


def test_what_is_imported_already_is_not_mixed(tmp_path: Path) -> None:
    import media.wire.rtp

    assert media.wire.rtp.__name__ in MODULES
    (tmp_path / compiled.digest()).mkdir()
    before = list(sys.meta_path)
    assert not compiled.use(tmp_path)
    assert sys.meta_path == before


def test_a_library_that_does_not_load_leaves_the_interpreted_ones(tmp_path: Path) -> None:
    broken = tmp_path / compiled.digest() / (MODULES[-1].replace(".", "/") + SUFFIX)
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no library")
    command = [sys.executable, "-c", LOADING, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    used, file = done.stdout.splitlines()
    assert used.startswith("False")
    assert file.endswith("rtp.py")
    assert "cannot be loaded" in done.stderr


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    with pytest.raises(build.CompileError, match=r"callserver\[compile\]"):
        build.build(tmp_path)


def test_a_failed_compilation_leaves_nothing_and_says_why(root: Path, tmp_path: Path) -> None:
    compiled.source(MODULES[0], root).write_text("def broken(: int\n")
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(build.CompileError, match="syntax"):
        build.build(place, root)
    assert not list(place.iterdir())


def test_a_wheel_carries_no_machine_code(tmp_path: Path) -> None:
    """It is for every machine (`py3-none-any`); what lies in a checkout was compiled for one."""
    for name in (f"0123456789abcdef0123/media/wire/rtp{SUFFIX}", f"0123456789abcdef0123/library__mypyc{SUFFIX}"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = {pattern for some in settings["package-data"].values() for pattern in some}
    assert "*.html" in patterns
    assert [path for pattern in patterns for path in tmp_path.glob(pattern) if path.is_file()] == []
    assert not (ROOT / "MANIFEST.in").exists()  # it would add files of its own


def test_nothing_interpreted_is_derived_from_what_is_compiled() -> None:
    """Python refuses that when it imports such a module."""
    assert [module for module in MODULES if not compiled.source(module).is_file()] == []
    for path in sorted((ROOT / "media").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if module in MODULES:
            continue
        tree = ast.parse(path.read_text())
        native = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module in MODULES
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                assert not bases & native, f"{module}.{node.name}"
