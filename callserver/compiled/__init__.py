"""The packet path and the judging of calls as machine code: mypyc makes it of the same modules, and media workers and
the control process take it where it is there.

It lies in a directory named after the sources it was made of. Whoever changes a source has the sources run again,
interpreted, until `callserver compile` is called once more: there is never a doubt which of the two is meant.
"""

import hashlib
import importlib
import logging
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
"""Where the packages lie."""
PLACE = Path(__file__).parent
COMPILE = "`callserver compile` makes forwarding a third cheaper"
"""What doctor and demo say where it has not been done (figures in BENCHMARKS.md)."""
SUFFIX = EXTENSION_SUFFIXES[0]
"""Names interpreter, version and machine: .cpython-311-x86_64-linux-gnu.so."""

_PARTS = {
    "bridge": "allocation audio downlink forwarder inbound key_frames layers leg lossiness outbound outbound_audio "
    "outbound_red outbound_video protection rate_control rates reporting rtcp_input schedule statistics streams tap "
    "uplink video",
    "bwe": "acknowledged aimd arrival_groups estimator loss overuse probe sent trendline",
    "io": "arena batches counters demux endpoint mmsg paths plain srtp transport",
    "quality": "diagnosis emodel frames hearing measures monitor opus page pictures reading residual rules scores "
    "unevenness",
    "receive": "arrivals clock nack parity_recovery picture_bounds red_recovery statistics",
    "send": "allowance fec pacer red rewriter round_trip sent_packets told",
    "wire": "buffer extensions flexfec h264 layout ntp opus parity red rtcp rtcp_feedback rtp rtx serial tapped "
    "transport_cc ulpfec vp8 vp8_layers",
}
MODULES = tuple(f"media.{part}.{name}" for part, names in _PARTS.items() for name in names.split())
"""What a packet, its feedback and a leg's timers run through, from socket to socket, and every second of a call when
it is judged. Not in it: what mypyc cannot compile (msgspec structs, objects with weak references) and what is rarer."""


def source(module: str, root: Path = ROOT) -> Path:
    """The file of a module."""
    return root.joinpath(*module.split(".")).with_suffix(".py")


def digest(root: Path = ROOT) -> str:
    """What the sources, how they are compiled, and the interpreter that is to load the result, come down to."""
    hashed = hashlib.sha256(SUFFIX.encode())
    for name in ("build.py", "constants.py"):
        hashed.update((PLACE / name).read_bytes())
    for module in MODULES:
        hashed.update(module.encode() + b"\0" + source(module, root).read_bytes())
    return hashed.hexdigest()[:20]


def made(place: Path = PLACE, root: Path = ROOT) -> Path | None:
    """The directory of what was compiled of the sources as they are now; None if there is none."""
    try:
        directory = place / digest(root)
    except OSError:  # installed without sources
        return None
    return directory if directory.is_dir() else None


class CompiledFinder(MetaPathFinder):
    """Finds in one directory what was compiled; everything else is left to the other finders."""

    def __init__(self, directory: Path) -> None:
        paths = directory.rglob("*" + SUFFIX)
        self.files = {".".join(path.relative_to(directory).parts).removesuffix(SUFFIX): path for path in paths}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of a compiled module."""
        file = self.files.get(fullname)
        return None if file is None else spec_from_file_location(fullname, file)


def use(place: Path = PLACE, root: Path = ROOT) -> bool:
    """Import the packet path compiled from now on; False if that is not possible. Call before any of it is imported."""
    directory = made(place, root)
    if directory is None or any(module in sys.modules for module in MODULES):
        return False
    finder = CompiledFinder(directory)
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module(MODULES[-1])  # they are one library: one that loads has them all loaded
    except ImportError as error:
        logger.warning("the compiled packet path cannot be loaded, the interpreted one is used: %s", error)
        sys.meta_path.remove(finder)
        return False
    return True
