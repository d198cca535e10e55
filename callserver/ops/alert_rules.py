"""Which rules hold: the default set with the operator's file over it."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from callserver.ops.alerts import Rule

DEFAULTS = Path(__file__).with_name("alert_defaults.toml")
MAX_FILE_BYTES = 256 * 1024
MAX_RULES = 500


class RulesError(Exception):
    """The file cannot be used; one line a problem, each with its place."""


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The default rules, and over them those of `path`. Raise RulesError."""
    merged = {str(raw.get("name")): raw for raw in _read(DEFAULTS)}
    problems: list[str] = []
    for number, raw in enumerate(_read(path) if path is not None else (), 1):
        name = raw.get("name")
        if not isinstance(name, str):
            problems.append(f"{path}: rule {number}: a name is missing")
            continue
        known = merged.get(name, {})
        if {"above", "below"} & raw.keys():  # a new threshold replaces the old one with its direction and its end
            known = {key: value for key, value in known.items() if key not in ("above", "below", "clear")}
        merged[name] = known | raw
    rules = []
    for name, raw in merged.items():
        try:
            rules.append(msgspec.convert(raw, Rule))
        except msgspec.ValidationError as error:
            problems.append(f"{path or DEFAULTS}: rule {name}: {error}")
    if len(merged) > MAX_RULES:
        problems.append(f"{path}: {len(merged)} rules; at most {MAX_RULES} are followed")
    if problems:
        raise RulesError("\n".join(problems))
    return tuple(rules)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise RulesError(f"{path}: larger than {MAX_FILE_BYTES // 1024} KB")
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"{path}: cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RulesError(f"{path}: not valid TOML: {error}") from error
    rules = tree.pop("rule", [])
    if tree or not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise RulesError(f"{path}: expected nothing but [[rule]] tables")
    return rules
