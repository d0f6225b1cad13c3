"""The emulator as a process: ``python -m iot_multiaccount_ca.local.emulator_process``. Started by `LocalAws` alone.

Closes the gaps, then runs the emulator's own main. When its stdin closes, whoever held it is gone, and it ends with its
whole process group.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading

_OPEN_FILES = 65536


def _end_with_holder() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    # The group is this process and the Lambdas that it runs: it was started as a leader of its own.
    os.killpg(os.getpid(), signal.SIGKILL)


def _open_many_files() -> None:
    """A thousand devices are a thousand open files, and many systems let a process have no more unless it asks."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def main() -> None:
    """Run the emulator with its gaps closed, until it is told to end."""
    threading.Thread(target=_end_with_holder, daemon=True).start()
    _open_many_files()
    from .gaps import close_gaps

    close_gaps()
    from ministack.app import main as run

    sys.argv = ["ministack"]
    run()


if __name__ == "__main__":
    main()
