"""The C libraries under our codecs: those in the PyAV wheel first, the system's second.

The wheel brings libopus and libvpx in versions of its own, newer than most distributions' (media/codecs/README.md).
cffi's ABI mode needs no compiler and gives up the GIL around every call.
"""

from ctypes.util import find_library
from pathlib import Path
from typing import Any

import av
from cffi import FFI

from media.errors import CodecError


def bundled(name: str) -> list[Path]:
    """Where the PyAV wheel keeps the library `name` (Linux, macOS); empty when PyAV was built on the system's."""
    package = Path(av.__file__).parent
    return sorted((package.parent / "av.libs").glob(f"lib{name}-*.so*")) + sorted(
        (package / ".dylibs").glob(f"lib{name}.*dylib")
    )


def open_library(ffi: FFI, name: str) -> Any:
    """Load `name` for the declarations of `ffi`; raise CodecError when no such library is here."""
    candidates = [str(path) for path in bundled(name)]
    system = find_library(name)
    if system is not None:
        candidates.append(system)
    reasons = []
    for candidate in candidates:
        try:
            return ffi.dlopen(candidate)
        except OSError as error:
            reasons.append(str(error))
    raise CodecError(f"lib{name} was not found beside PyAV nor on the system{''.join(f'; {r}' for r in reasons)}")
