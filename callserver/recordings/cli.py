"""`callserver verify` and `callserver recording`: recordings and evidence without the server running."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from callserver import config

Command = Callable[[argparse.Namespace], int]

EXIT_FAILED = 1
EXIT_UNREADABLE = 2

_VERIFY = """\
Check an evidence archive without network, database or trust in the archive: the signature over its manifest, the chain
of its entries, the hash of every file. Give the server's public key with --key, from `callserver recording public-key`
there or from whoever runs it; the copy inside the archive proves nothing.

Chain and signature are made when the archive is exported: they prove that nothing was changed after that. The times in
it, those of pictures included, are the server's word.

Exit codes: 0 genuine and signed by that key · 1 changed, incomplete, or signed by another key · 2 not an evidence
archive, or cut off · 3 intact, but no --key was given to compare with."""

_EXPORT = """\
Without --side: an MP4 with all sides next to each other and their voices mixed; takes minutes, runs at low priority,
Ctrl-C ends it. With --side: that side's WebM as it was sent, at once. What is written is not encrypted."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `verify` and `recording` to the program's commands."""
    raw = argparse.RawDescriptionHelpFormatter
    verify = commands.add_parser("verify", help="check an evidence archive", description=_VERIFY, formatter_class=raw)
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument("--key", type=Path, metavar="PUBKEY", help="PEM file of the key it must be signed with")
    verify.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    verify.set_defaults(command=_verify)
    recording = commands.add_parser("recording", help="recordings of calls and their keys").add_subparsers(
        title="what to do", required=True, metavar="ACTION"
    )
    recording.add_parser("list", help="print all recordings").set_defaults(command=_told(_list))
    check = recording.add_parser("check", help="read every byte of a recording and say whether it is whole")
    check.add_argument("id", metavar="ID")
    check.set_defaults(command=_told(_check))
    export = recording.add_parser(
        "export", help="write a recording as MP4, or one side as WebM", description=_EXPORT, formatter_class=raw
    )
    export.add_argument("id", metavar="ID")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.add_argument("--side", metavar="SIDE", help="customer or agent")
    export.add_argument(
        "--clean-voice", action="store_true", help='less noise and an even level in the MP4 (needs "callserver[voice]")'
    )
    export.set_defaults(command=_told(_export))
    rotate = recording.add_parser("rotate-key", help="make a new master key and put all recordings' keys under it")
    rotate.set_defaults(command=_told(_rotate))
    public = recording.add_parser("public-key", help="print the public key that evidence is checked with (PEM)")
    public.set_defaults(command=_told(_public_key))


def _verify(options: argparse.Namespace) -> int:
    from callserver.recordings.verdict import as_json, in_words
    from media.recording.errors import FormatError
    from media.recording.evidence_check import check_archive, load_public_key

    try:
        key = load_public_key(options.key.read_bytes()) if options.key else None
    except (OSError, FormatError) as error:
        print(f"callserver verify: {options.key}: {error}", file=sys.stderr)
        return EXIT_UNREADABLE
    verdict = check_archive(options.file, key)
    print(as_json(verdict) if options.json else in_words(verdict, options.file))
    return int(verdict.outcome)


def _list(options: argparse.Namespace) -> int:
    from callserver.app import recording_files
    from media.recording.errors import RecordingError

    files = recording_files(config.load(options.config))
    for recording_id in files.known():
        try:
            with files.open(recording_id) as reader:
                info = reader.info
            sides = ", ".join(info.sides) or "nothing recorded"
            print(f"{recording_id}  call {info.call_id}  {info.recorded_seconds:8.1f} s  {sides}  {info.problem or ''}")
        except RecordingError as error:
            print(f"{recording_id}  {error}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from callserver.app import recording_files

    with recording_files(config.load(options.config)).open(options.id) as reader:
        found = reader.check()
        problem = reader.info.problem
    print(f"{found.chunks} chunks read, {len(found.damaged)} damaged")
    for line in (*found.damaged, *([problem] if problem else [])):
        print(f"  {line}")
    whole = found.complete and not found.damaged
    print("The recording is whole and unchanged." if whole else "The recording is not whole; the rest plays.")
    return 0 if whole else EXIT_FAILED


def _export(options: argparse.Namespace) -> int:
    from callserver.app import recording_files
    from callserver.recordings.work import clean_voice
    from media.recording.export import Mp4Export

    with recording_files(config.load(options.config)).open(options.id) as reader:
        if options.side:
            view = reader.view(options.side, salvage=True)
            with options.out.open("xb") as target:
                target.writelines(view.stream())
        else:
            os.nice(10)
            film = Mp4Export(reader, options.out, clean=clean_voice if options.clean_voice else None)
            _show(film.run())
            if film.skipped:
                print(f"{film.skipped} pictures or packets could not be decoded", file=sys.stderr)
        problem = reader.info.problem
    print(f"{options.out}: {options.out.stat().st_size:,} bytes" + (f" ({problem})" if problem else ""))
    return 0


def _rotate(options: argparse.Namespace) -> int:
    from callserver.app import recording_files

    key_id, changed, failed = recording_files(config.load(options.config)).rotate()
    print(f"master key {key_id}: {changed} recordings' keys are under it now")
    for line in failed:
        print(f"  {line}", file=sys.stderr)
    return EXIT_FAILED if failed else 0


def _public_key(options: argparse.Namespace) -> int:
    from callserver.app import signing_key_file
    from media.recording.evidence import load_or_create_signer

    signer = load_or_create_signer(signing_key_file(config.load(options.config)), os.urandom)
    sys.stdout.write(signer.public_pem.decode())
    return 0


def _told(command: Command) -> Command:
    """What can be wrong with recordings and disks, in one line instead of a trace."""

    def run(options: argparse.Namespace) -> int:
        from media.errors import MediaError

        try:
            return command(options)
        except (MediaError, OSError) as error:
            print(f"callserver recording: {error}", file=sys.stderr)
            return EXIT_FAILED

    return run


def _show(progress: Iterator[float]) -> None:
    shown = -1
    for done in progress:
        if int(done * 100) > shown:
            shown = int(done * 100)
            print(f"\r{shown:3d} %", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
