"""The emulator as a process: ``python -m iot_multiaccount_ca.local.emulator_process``. Started by `LocalAws` alone.

Closes the gaps, then runs the emulator's own main. Ends with its parent: when its stdin closes, it takes its whole
process group and its folder with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading

#: The folder to remove when the parent is gone. Set: the process ends with its parent.
FOLDER_VARIABLE = "IOT_LOCAL_AWS_FOLDER"


def _end_with_parent(folder: str) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    # The group is this process and the Lambdas that it runs: it was started as a leader of its own.
    os.killpg(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the emulator with its gaps closed, until it is told to end."""
    folder = os.environ.pop(FOLDER_VARIABLE, None)
    if folder is not None:
        threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    from .gaps import close_gaps

    close_gaps()
    from ministack.app import main as run

    sys.argv = ["ministack"]
    run()


if __name__ == "__main__":
    main()
