"""Our scripts and styles without comments and needless space, as browsers get them. Names and most line ends stay:
this is for the size of a page, not to hide anything. Made for this repository's own style of JavaScript, which its
tests read whole: a regular expression after a closing parenthesis would be taken for a division. (rjsmin, the kept
library for this, breaks templates within templates, of which our pages are made.)"""

import re
from collections.abc import Iterator

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(r"""[\w$#]+|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[^"'`]""", re.DOTALL)
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/")
_TEMPLATE = re.compile(r"[`}](?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)", re.DOTALL)
"""A template up to its first hole or its end, or from the end of a hole on."""

_WORDS_BEFORE_REGEX = frozenset(
    ["return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do", "await", "yield"]
)
_MARKS_BEFORE_REGEX = frozenset("([{},;=:?&|!<>+-*%~^")
_NO_LINE_AFTER = frozenset("([{,;=:?&|")
_NO_LINE_BEFORE = frozenset(")]},;:?&|.")
_STYLE = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?:\s|/\*.*?\*/)+""", re.DOTALL)
_WORD = re.compile(r"[\w$#]")


def smaller(source: str) -> str:
    """A script that does the same in fewer bytes; the script itself if something in it has no end."""
    parts: list[str] = []
    space = ""
    try:
        for token in _tokens(source):
            if _SPACE.fullmatch(token):
                space = "\n" if "\n" in token else " "
                continue
            if space and parts:
                parts.append(_between(parts[-1], space, token))
            parts.append(token)
            space = ""
    except SyntaxError:
        return source
    return "".join(parts)


def smaller_style(source: str) -> str:
    """A style sheet without comments; a blank stays where any space was, so that nothing changes its meaning."""
    return _STYLE.sub(lambda found: found[1] or " ", source)


def _tokens(source: str) -> Iterator[str]:
    """Spaces with comments, words, strings, pieces of templates, regular expressions and single marks."""
    at, before = 0, ";"
    holes: list[int] = []  # braces open in each hole of a template we are in
    while at < len(source):
        found = _SPACE.match(source, at)
        if found is None:
            found = _next(source, at, before, in_hole=bool(holes) and holes[-1] == 0)
            before = found[0]
            _count_braces(holes, before)
        yield found[0]
        at = found.end()


def _next(source: str, at: int, before: str, in_hole: bool) -> re.Match[str]:
    first = source[at]
    found = None
    if first == "`" or (first == "}" and in_hole):
        found = _TEMPLATE.match(source, at)
    elif first == "/" and (before in _WORDS_BEFORE_REGEX or before[-1] in _MARKS_BEFORE_REGEX):
        found = _REGEX.match(source, at)
    else:
        found = _TOKEN.match(source, at)
    if found is None:
        raise SyntaxError(f"no end of what begins at {at}")
    return found


def _count_braces(holes: list[int], text: str) -> None:
    if text[0] == "}" and holes and holes[-1] == 0:
        holes.pop()
    elif text == "}" and holes:
        holes[-1] -= 1
    if text[0] in "`}" and text.endswith("${"):
        holes.append(0)
    elif text == "{" and holes:
        holes[-1] += 1


def _between(before: str, space: str, after: str) -> str:
    """What must stay of a space: a line's end that may end a statement, a blank that keeps two tokens apart."""
    left, right = before[-1], after[0]
    if space == "\n":
        return "" if left in _NO_LINE_AFTER or right in _NO_LINE_BEFORE else "\n"
    if _WORD.match(right):
        return " " if _WORD.match(left) or (len(before) > 1 and left == "/") else ""
    return " " if (left == right and left in "+-/") or (left.isdigit() and right == ".") else ""
