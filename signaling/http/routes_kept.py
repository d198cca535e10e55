"""The rows of `routes.py` about recordings, stills and evidence."""

from signaling.http import call_stills, recordings
from signaling.http.bodies_kept import JobAnswer, RecordingDetail, RecordingList, StillList
from signaling.http.context import Role, Route
from signaling.http.library import CheckedFiles, JobKind

READERS = frozenset({Role.AGENT, Role.OPERATOR, Role.SITE})
RECORDING = "/api/v1/recordings/{recording_id}"
CALL = "/api/v1/calls/{call_id}"


def kept_routes() -> list[Route]:
    return [
        Route(
            "GET",
            f"{CALL}/recordings",
            recordings.list_recordings,
            READERS,
            "Recordings of a call, oldest first",
            response=RecordingList,
        ),
        Route("GET", RECORDING, recordings.detail, READERS, "A recording and what is in it", response=RecordingDetail),
        Route(
            "GET",
            f"{RECORDING}/check",
            recordings.check,
            READERS,
            "Read every byte of a recording: what of it was changed or is missing",
            response=CheckedFiles,
        ),
        Route(
            "GET",
            f"{RECORDING}/media",
            recordings.play,
            READERS,
            "One side's picture and voice as a file, whole or a range of bytes (Range)",
            gives="video/webm",
            query=(("side", "customer or agent; without it everything in one file with several tracks"),),
        ),
        Route(
            "DELETE", RECORDING, recordings.delete, READERS, "Delete a recording for good, its key first", status=204
        ),
        *_job_routes("export", RECORDING, "an MP4 of both sides beside each other", "video/mp4"),
        Route("GET", f"{CALL}/stills", recordings.list_stills, READERS, "Snapshots of a call", response=StillList),
        Route(
            "POST",
            f"{CALL}/stills/{{still_id}}",
            call_stills.upload,
            frozenset({Role.SESSION}),
            "The customer's page sends a picture it was asked for (`still.wanted`)",
            takes=call_stills.TAKEN,
            status=204,
        ),
        Route(
            "GET",
            "/api/v1/evidence/key",
            recordings.evidence_key,
            frozenset({Role.ANYONE}),
            "The public key that checks this server's evidence (`callserver verify`)",
            gives="application/x-pem-file",
        ),
        *_job_routes("evidence", CALL, "the evidence of the call's verification, one archive", "application/zip"),
    ]


def _job_routes(kind: JobKind, base: str, what: str, media_type: str) -> list[Route]:
    start, look, cancel, fetch = recordings.job_endpoints(kind)
    path = f"{base}/{kind}"
    return [
        Route("POST", path, start, READERS, f"Start making {what}; answers at once", response=JobAnswer, status=202),
        Route("GET", path, look, READERS, f"How far it is: {what}", response=JobAnswer),
        Route("DELETE", path, cancel, READERS, f"Cancel it or remove what was made: {what}", status=204),
        Route("GET", f"{path}/file", fetch, READERS, f"Fetch {what}", gives=media_type),
    ]
