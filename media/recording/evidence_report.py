"""The page for people in an evidence archive. Everything in it is in the signed manifest, too."""

from datetime import UTC, datetime
from html import escape

from media.recording.evidence import FILES, Chain, Entry

_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}dt{font-weight:600}
dd{margin:0;overflow-wrap:anywhere}ol{padding-inline-start:0;list-style:none}
li{border-block-start:1px solid #8884;padding:.75rem 0}
img,video{max-width:100%;max-height:24rem;display:block;margin-block:.5rem}code{font-size:.8rem;overflow-wrap:anywhere}
.code{font-size:1.5rem;letter-spacing:.2em}
"""

PROVEN = (
    "Every file is, bit for bit, what was there when the archive was signed; none was added, changed or removed.",
    "The entries stand in the order in which the server exported them, each tied to the one before it.",
    "The archive was signed by whoever holds the private key that belongs to the key named below.",
)
NOT_PROVEN = (
    "When it happened: all times, those of pictures included, are the server's word; nobody independent stamped them.",
    "That nothing was changed before: chain and signature are made at the export, not during the call, and speak only "
    "of what happened to the archive after it.",
    "Whose key it is: compare its fingerprint with one you were given in another way.",
    "Who is seen, and that the camera showed what was there: a camera can be pointed at a screen, or be imitated.",
    "That nothing else happened: what was never taken up, or was left out before signing, leaves no trace here.",
)


def build_report(chain: Chain, public_key: str, exported_at: float) -> str:
    """The page, in English; all values are escaped, nothing is loaded from elsewhere."""
    header = chain.header
    facts = {
        "Call": header.call_id,
        "Evidence": header.evidence_id,
        "Site": header.site,
        "About": header.subject,
        "Begun": _moment(header.began_at),
        "Exported": _moment(exported_at),
        "Head of the chain": chain.head,
        "Signing key": public_key,
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value)
    entries = "".join(_entry(entry) for entry in chain.entries)
    proven = "".join(f"<li>{escape(line)}</li>" for line in PROVEN)
    not_proven = "".join(f"<li>{escape(line)}</li>" for line in NOT_PROVEN)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Evidence of a call</title>'
        f"<style>{_STYLE}</style></head><body><h1>Evidence of a call</h1>"
        f'<p>Challenge code: <strong class="code">{escape(header.challenge)}</strong></p><dl>{rows}</dl>'
        f"<h2>What was taken up</h2><ol>{entries}</ol>"
        "<p>Check the whole archive with <code>callserver verify FILE --key KEY.pem</code>. "
        "This page alone proves nothing.</p>"
        f"<h2>What a successful check proves</h2><ul>{proven}</ul>"
        f"<h2>What it does not prove</h2><ul>{not_proven}</ul></body></html>\n"
    )


def _entry(entry: Entry) -> str:
    shown = ""
    if entry.file:
        place = escape(FILES + entry.file, quote=True)
        if entry.media_type.startswith("image/"):
            shown = f'<a href="{place}"><img src="{place}" alt="{escape(entry.text, quote=True)}"></a>'
        elif entry.media_type.startswith("video/"):
            shown = f'<video controls preload="metadata" src="{place}"></video>'
        elif entry.media_type.startswith("audio/"):
            shown = f'<audio controls preload="metadata" src="{place}"></audio>'
        else:
            shown = f'<a href="{place}">{escape(entry.file)}</a>'
        shown += f"<code>SHA-256 {escape(entry.sha256)}</code>"
    return f"<li><strong>{_moment(entry.wall_time)}</strong> {escape(entry.text)}{shown}</li>"


def _moment(wall_time: float) -> str:
    try:
        return (
            datetime.fromtimestamp(wall_time, UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")
        )
    except (ValueError, OverflowError, OSError):
        return "at an impossible time"
