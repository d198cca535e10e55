"""From a call with a verification to the order for its evidence: events and stills in the order of time, recordings."""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from callserver.recordings.orders import EvidenceOrder, Film, Item, private_directory
from callserver.recordings.playback import as_library_error
from callserver.recordings.vault import Vault
from media.recording.errors import RecordingError
from media.recording.evidence import Header
from signaling.http.library import LibraryError
from signaling.records import CallEvent, CallState, Recording, Records, Still, Verification

TOLD = frozenset(
    (
        *("accepted", "held", "resumed", "agent_lost", "hung_up", "connection_lost"),
        *("verification_started", "shot_asked", "verification_ended"),
        *("recording_asked", "recording_noticed", "recording_consented", "recording_refused", "recording_started"),
        *("recording_continued", "recording_paused", "recording_resumed", "recording_stopped", "recording_failed"),
    )
)
"""Events of a call's history that belong into its evidence."""


async def build_order(
    records: Records,
    vault: Vault,
    call_id: str,
    *,
    recordings: Sequence[Recording],
    stills: Sequence[Still],
    signer: Path,
    out: Path,
    now: float,
) -> EvidenceOrder:
    """Read everything out of the store; raise LibraryError if there is nothing to prove, or something is gone."""
    found = await records.get_call(call_id)
    verification = found[0].verification if found is not None else None
    if found is None or verification is None:
        raise LibraryError(409, "wrong_state", "there was no verification in this call")
    call, events, _ = found
    folder = out.with_suffix(".stills")
    items = [_event(event) for event in events if event.name in TOLD]
    items += [_deleted(one) for one in recordings if one.state == "deleted"]
    items += [await _still(records, vault, still, folder, number) for number, still in enumerate(stills, 1)]
    return EvidenceOrder(
        header=_header(call, verification),
        items=sorted(items, key=lambda item: item.wall_time),
        films=[await _film(vault, one) for one in recordings if one.state in ("ended", "failed") and one.parts],
        signer=str(signer),
        folder=str(folder),
        out=str(out),
        exported_at=now,
    )


def _header(call: CallState, verification: Verification) -> Header:
    return Header(
        evidence_id=verification.verification_id,
        call_id=call.call_id,
        challenge=verification.challenge,
        began_at=verification.started_at,
        site=call.site_id,
        subject=call.context.order or call.context.product,
    )


def _event(event: CallEvent) -> Item:
    details = ", ".join(_details(event.data.items()))
    name = event.name.replace("_", " ")
    return Item("event", event.at, f"{name}: {details}" if details else name)


def _details(data: Iterable[tuple[str, object]]) -> Iterable[str]:
    """Words of an event's data; ids of agents and the like stay in the store."""
    for name, value in data:
        if name in ("by", "role", "shot", "code", "reason") and value:
            yield f"{name} {value}"


def _deleted(recording: Recording) -> Item:
    """That there was one must not vanish with it."""
    length = f"of {recording.seconds:.1f} seconds " if recording.seconds else ""
    by = recording.deleted_by or "somebody"
    return Item("event", recording.deleted_at or 0.0, f"a recording {length}was deleted before this export, by {by}")


async def _still(records: Records, vault: Vault, still: Still, folder: Path, number: int) -> Item:
    photo = await records.photo(still.photo_id)
    if photo is None:
        raise LibraryError(410, "gone", "a picture of this verification is not there any more")
    name = f"still-{number:03}-{still.shot or 'picture'}.jpg"
    path = folder / name
    try:
        await vault.run(partial(_write, path, photo[1]))
    except OSError as error:
        raise LibraryError(503, "unavailable", "there is no room for the evidence") from error
    shows = still.shot.replace("_", " ") or "a picture"
    source = "the camera itself" if still.source == "camera" else "the stream"
    return Item(
        "still", still.taken_at, f"{shows}, {still.side}, {still.width}x{still.height}, {source}", name, str(path)
    )


def _write(path: Path, content: bytes) -> None:
    private_directory(path.parent.parent)
    private_directory(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


async def _film(vault: Vault, recording: Recording) -> Film:
    try:
        key = await vault.run(partial(vault.files.key, recording.recording_id))
        return Film(str(vault.files.path(recording.recording_id)), key, recording.started_at or 0.0)
    except (RecordingError, OSError) as error:
        raise as_library_error(error) from error
