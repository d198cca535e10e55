"""Constants are marked in the copy that is compiled: same values, same lines, nothing that varies."""

import ast

import pytest

from callserver.compiled import MODULES, source
from callserver.compiled.constants import finalised

MODULE = '''"""What it is
for."""

import re

LIMIT = 5
"""Of something."""
_KINDS: frozenset[int] = frozenset(
    {1, 2}
)
Union = int | str
EITHER = int | str
TURNS = 0
BOUNDS = (0.0, 1.0)
lower = 1
A = B = 2
PATTERN = re.compile("x")


def turn() -> int:
    global TURNS
    TURNS += LIMIT
    return TURNS
'''


def test_what_is_constant_is_said_to_be() -> None:
    lines = finalised(MODULE).split("\n")
    marked = [line for line in lines if "_Final" in line]
    assert marked == [
        'for."""; from typing import Final as _Final',
        "LIMIT: _Final = 5",
        "_KINDS: _Final[frozenset[int]] = frozenset(",
        'PATTERN: _Final = re.compile("x")',
    ]
    assert len(lines) == len(MODULE.split("\n"))
    before, after = {}, {}
    exec(MODULE, before)
    exec(finalised(MODULE), after)
    assert {name: after[name] for name in before if name.strip("_").isupper()} == {
        name: value for name, value in before.items() if name.strip("_").isupper()
    }


def test_without_a_docstring_nothing_is_marked() -> None:
    assert finalised("LIMIT = 5\n") == "LIMIT = 5\n"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_stays_a_module_of_as_many_lines(module: str) -> None:
    text = source(module).read_text()
    changed = finalised(text)
    assert len(changed.split("\n")) == len(text.split("\n"))
    names = [node.name for node in ast.parse(changed).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert names == [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
