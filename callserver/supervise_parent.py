"""The parent of the control process: starts it, restarts it when it dies, ends it on signals. No event loop."""

import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from media.io import worker_files

PARENT_PIPE = "SUPERVISOR_PIPE"
"""Environment: the descriptor of a pipe whose other end the parent holds open for as long as it lives."""

EXIT_CONFIG = 2
"""Exit code of the control process for settings that cannot work: starting it again would not help."""

FIRST_LIFE = 5.0
"""Seconds; a control process whose very first run ends with an error in this time is not tried again."""

BACKOFF_FIRST = 0.1
BACKOFF_LONGEST = 10.0
HEALTHY_LIFE = 10.0

_GRACE = 10.0
"""Seconds beyond the drain timeout before the control process is killed."""

_WORKERS_GRACE = 3.0


class Parent:
    """One run of `callserver serve`."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, drain_timeout: float
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._directory = directory
        self._drain_timeout = drain_timeout
        self._child = 0
        self._child_since = 0.0
        self._first = True
        self._restarts = 0
        self._start_at = 0.0
        self._kill_at: float | None = None
        self._exit_code: int | None = None

    def run(self) -> int:
        """Return the exit code: 0 after a drain, 128 + signal after the second signal."""
        ours, childs = os.pipe()
        # The control process holds `ours` (reading end) and sees the end of file when we die with `childs` open.
        os.set_inheritable(ours, True)
        self._environment[PARENT_PIPE] = str(ours)
        wakeup, wakeup_write = os.pipe()
        os.set_blocking(wakeup, False)
        os.set_blocking(wakeup_write, False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        wakeup_before = signal.set_wakeup_fd(wakeup_write)
        try:
            self._start()
            while self._exit_code is None:
                select.select([wakeup], [], [], self._patience())
                with suppress(BlockingIOError):
                    for number in os.read(wakeup, 64):
                        self._signalled(signal.Signals(number))
                self._turn()
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, action in before.items():
                signal.signal(number, action)
            for descriptor in (ours, childs, wakeup, wakeup_write):
                os.close(descriptor)
        return self._exit_code

    def _start(self) -> None:
        # A group of its own: Ctrl-C in a terminal comes to us alone, and we decide.
        self._child = os.posix_spawn(
            self._command[0],
            self._command,
            self._environment,
            setpgroup=0,
            setsigdef=(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD),
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        )
        self._child_since = time.monotonic()

    def _patience(self) -> float | None:
        """Seconds until there is something to do without a signal."""
        deadline = self._kill_at if self._child else self._start_at
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _turn(self) -> None:
        """Reap, restart, lose patience."""
        if self._exit_code is None:  # after a second signal it is settled, however soon the child is seen to end
            self._reap()
        if self._exit_code is not None:
            return
        now = time.monotonic()
        if self._child and self._kill_at is not None and now >= self._kill_at:
            self._say("the control process does not end and is killed")
            self._signal_child(signal.SIGKILL)
            self._kill_at = now + 1.0
        elif not self._child and now >= self._start_at:
            self._start()

    def _signalled(self, number: signal.Signals) -> None:
        if number == signal.SIGCHLD:
            return
        if self._kill_at is None:
            self._say(f"stopping; calls may go on for {self._drain_timeout:g} s, a second signal ends them now")
            self._kill_at = time.monotonic() + self._drain_timeout + _GRACE
            if self._child:
                self._signal_child(signal.SIGTERM)
            else:
                self._finish()
            return
        self._signal_child(signal.SIGKILL)
        self._end_workers(signal.SIGKILL)
        self._exit_code = 128 + number

    def _reap(self) -> None:
        """Collect children that ended: ours, and orphans that became ours where we are process 1 of a container."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._child:
                self._child = 0
                self._ended(os.waitstatus_to_exitcode(status))

    def _ended(self, code: int) -> None:
        """The control process is gone: by our wish, for good, or by accident."""
        lived = time.monotonic() - self._child_since
        first, self._first = self._first, False
        if self._kill_at is not None or code == 0:
            self._finish()
        elif code == EXIT_CONFIG or (first and code > 0 and lived < FIRST_LIFE):
            self._exit_code = code  # workers of an earlier run may hold calls: they stay
        else:
            self._restarts = 0 if lived > HEALTHY_LIFE else self._restarts + 1
            pause = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** min(self._restarts, 16))
            self._start_at = time.monotonic() + pause
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            self._say(f"the control process {how}; calls keep their media; starting it again in {pause:g} s")

    def _finish(self) -> None:
        """No worker may be left when we go on purpose."""
        self._end_workers(signal.SIGTERM)
        deadline = time.monotonic() + _WORKERS_GRACE
        while self._living_workers() and time.monotonic() < deadline:
            time.sleep(0.02)
        self._end_workers(signal.SIGKILL)
        self._exit_code = 0

    def _living_workers(self) -> list[Path]:
        return [path for path in worker_files.sockets(self._directory) if worker_files.alive(path)]

    def _end_workers(self, number: signal.Signals) -> None:
        for path in worker_files.sockets(self._directory):
            worker_files.end(path, number)
            if number == signal.SIGKILL:
                worker_files.forget(path)

    def _signal_child(self, number: signal.Signals) -> None:
        if self._child:
            with suppress(ProcessLookupError):
                os.kill(self._child, number)

    def _say(self, text: str) -> None:
        print(f"callserver: {text}", file=sys.stderr, flush=True)
