"""A verdict about evidence in plain words."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from media.recording.evidence import Manifest
from media.recording.evidence_check import Outcome, Verdict
from media.recording.evidence_report import NOT_PROVEN, PROVEN

_HEADLINES = {
    Outcome.GENUINE: "GENUINE: nothing was changed, and it is signed with the key you gave.",
    Outcome.NOT_GENUINE: "NOT GENUINE: do not rely on this archive.",
    Outcome.UNREADABLE: "NOT READABLE: this proves nothing.",
    Outcome.UNKNOWN_SIGNER: "INTACT, BUT SIGNED BY SOMEBODY UNKNOWN: give the expected public key with --key.",
}


def in_words(verdict: Verdict, file: Path) -> str:
    """Several lines for a terminal; control characters of the archive's own texts are taken out."""
    lines = [f"{file}: {_HEADLINES[verdict.outcome]}"]
    lines += [f"  - {_plain(fault)}" for fault in verdict.faults]
    manifest = verdict.manifest
    if manifest is not None and verdict.outcome in (Outcome.GENUINE, Outcome.UNKNOWN_SIGNER):
        lines += ["", *_facts(manifest)]
        lines += ["", "Proven:", *(f"  + {line}" for line in PROVEN)]
        lines += ["", "Not proven:", *(f"  - {line}" for line in NOT_PROVEN)]
    return "\n".join(lines)


def as_json(verdict: Verdict) -> str:
    """One JSON object."""
    manifest = verdict.manifest
    return msgspec.json.encode(
        {
            "outcome": verdict.outcome.name.lower(),
            "faults": verdict.faults,
            "signed_by": manifest.public_key if manifest else None,
            "manifest": manifest,
            "not_proven": NOT_PROVEN,
        }
    ).decode()


def _facts(manifest: Manifest) -> list[str]:
    header = manifest.header
    lines = [
        f"Call {_plain(header.call_id)}, challenge code {_plain(header.challenge)}, {len(manifest.entries)} entries:",
    ]
    for entry in manifest.entries:
        size = f" ({_plain(entry.file)}, {entry.size_bytes:,} bytes)" if entry.file else ""
        lines.append(f"  {_moment(entry.wall_time)}  {_plain(entry.text)}{size}")
    lines.append(f"Exported {_moment(manifest.exported_at)}, signed with {_plain(manifest.public_key)}")
    return lines


def _moment(wall_time: float) -> str:
    try:
        return datetime.fromtimestamp(wall_time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "at an impossible time"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:300])
