from pathlib import Path

import pytest

from signaling.http.smaller import smaller, smaller_style

WEB = Path(__file__).parents[4] / "web"
SCRIPTS = sorted(WEB.rglob("*.js"))


@pytest.mark.parametrize(
    ("source", "short"),
    [
        ("/** What it is. */\nconst a = 1; // why\n\n  const b = 2;\n", "const a=1;const b=2;"),
        ("const text = \"a  // b\" + '/* c */';", "const text=\"a  // b\"+'/* c */';"),
        (
            "const t = `a  ${ x ? `  b // ${ { y: 1 }.y }  ` : '' }  c`;",
            "const t=`a  ${x?`  b // ${{y:1}.y}  `:''}  c`;",
        ),
        ("const t = `a\n    b`;", "const t=`a\n    b`;"),
        ("const t = `\\`  $ \\${ ${ a }`;", "const t=`\\`  $ \\${ ${a}`;"),
        ("return /[/ \"']  \\/ \\s/.test(text) / 2;", "return/[/ \"']  \\/ \\s/.test(text)/2;"),
        ("const half = all.length / 2 / 3; // 'half", "const half=all.length/2/3;"),
        ("a = b\n++c", "a=b\n++c"),
        ("a = b + +c - -d", "a=b+ +c- -d"),
        ("let a\nlet b", "let a\nlet b"),
        ("go()\n(await x)", "go()\n(await x)"),
        (
            "class A {\n  #x = 1;\n  static y;\n\n  get z() {\n    return this.#x in {};\n  }\n}",
            "class A{#x=1;static y;get z(){return this.#x in{};}}",
        ),
        ("first\n  .then(a)\n  ?.b", "first.then(a)?.b"),
        ('if ("a" in b && /c/ in d) 1 .toFixed()', 'if("a"in b&&/c/ in d)1 .toFixed()'),
        ("", ""),
    ],
)
def test_comments_and_needless_space_go_and_nothing_else(source: str, short: str) -> None:
    assert smaller(source).strip() == short


@pytest.mark.parametrize("source", ["const a = `no end ${ b }", 'const a = "no end\n";', "a = /no end\n", "'"])
def test_what_has_no_end_stays_as_it_is(source: str) -> None:
    assert smaller(source) == source


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(WEB)))
def test_our_own_scripts_are_read_to_their_end(path: Path) -> None:
    source = path.read_text()
    short = smaller(source)
    assert smaller(short) == short
    assert len(short) < len(source) or "vendor" in path.parts
    assert "/**" not in short


def test_styles_keep_their_strings_and_blanks() -> None:
    style = '/* Why. */\na:hover  b {\n  width: calc(1px  +  2px);\n  content: "  /* */ ";\n}\n'
    assert smaller_style(style).strip() == 'a:hover b { width: calc(1px + 2px); content: "  /* */ "; }'
