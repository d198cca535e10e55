"""Module constants said to be constant, in the copy of the sources that mypyc compiles.

In the sources they are what they look like: `LIMIT = 5`. mypyc has to suppose that somebody changes them, and looks
each up by its name at every use; of `LIMIT: Final = 5` it makes the number itself. That is 5 % of a forwarded packet.
"""

import ast
import re
from collections import Counter

_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")
_FINAL = "_Final"


def finalised(text: str) -> str:
    """The module with every constant marked as one: an upper-case name that is assigned once, on top. Lines stay where
    they are, so that what the compiler says is true of the source."""
    tree = ast.parse(text)
    head = tree.body[0] if tree.body else None
    if not isinstance(head, ast.Expr) or not isinstance(head.value, ast.Constant):
        return text  # no docstring to put the import behind
    lines = text.split("\n")
    stored = Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name() as target], value=value) if not _stays(value):
                mark, end = f": {_FINAL}", target
            case ast.AnnAssign(target=ast.Name() as target, annotation=end, value=ast.expr()):
                mark = f": {_FINAL}[{ast.unparse(end)}]"
            case _:
                continue
        if _NAME.fullmatch(target.id) and stored[target.id] == 1 and end.end_lineno == target.lineno:
            row = target.lineno - 1
            lines[row] = target.id + mark + lines[row][end.end_col_offset :]
    lines[(head.end_lineno or 1) - 1] += f"; from typing import Final as {_FINAL}"
    return "\n".join(lines)


def _stays(value: ast.expr) -> bool:
    """`A | B`, which is a type, or flags, which are seldom; tuples: mypyc 2.4 takes some of them for not yet set."""
    return isinstance(value, ast.Tuple) or (isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr))
