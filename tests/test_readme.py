"""The README says what the program says: the table of settings is generated (`make readme`)."""

import re
import sys
from pathlib import Path

from callserver import config

README = Path(__file__).parents[1] / "README.md"
TABLE = re.compile(r"(<!-- made by: callserver check-config --table -->\n).*?(<!-- end of settings -->)", re.DOTALL)


def with_table(text: str) -> str:
    return TABLE.sub(lambda found: f"{found[1]}{config.table()}{found[2]}", text)


def test_the_settings_table_is_the_programs_own() -> None:
    text = README.read_text()
    assert TABLE.search(text)
    assert with_table(text) == text, "run: make readme"


def test_links_into_the_tree_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    assert [target for target in targets if not (README.parent / target).exists()] == []


if __name__ == "__main__":
    sys.exit(0 if README.write_text(with_table(README.read_text())) else 1)
