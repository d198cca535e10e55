"""Runs a bench in a network namespace of its own: an interface with thousands of addresses that are all this machine's.

Janus does not use loopback, and binds its sockets to an interface (IP_UNICAST_IF): what it sends comes back only to
addresses of that interface. Nothing leaves the namespace. Needs unshare and iproute2, and root or user namespaces.
"""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from callserver.bench import BenchError

INSIDE = "--inside-namespace"
_SETUP = (
    "ip link set lo up",
    "ip link add bench0 type veth peer name bench1",
    "ip address add 10.77.0.1/32 dev bench0",
    "ip link set bench0 up",
    "ip link set bench1 up",
    "ip route add local 10.78.0.0/16 dev bench0 table local",
)


def run_inside(arguments: Sequence[str]) -> int:
    """Run `callserver` with these arguments in a new namespace; return its exit code. Raise BenchError."""
    for program in ("unshare", "ip", "sh"):
        if shutil.which(program) is None:
            raise BenchError(f"{program} is missing: apt-get install util-linux iproute2")
    command = shlex.join([sys.executable, "-m", "callserver", *arguments, INSIDE])
    script = " && ".join(_SETUP) + f" && exec {command}"
    done = subprocess.run(["unshare", "--map-root-user", "--net", "sh", "-c", script], check=False)  # noqa: S603, S607
    return done.returncode
