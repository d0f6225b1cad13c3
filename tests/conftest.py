"""What all tests share: the checkout's Node, a quiet jsii, no credentials and no default region."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings

from iot_multiaccount_ca.quiet_jsii import QUIET_JSII
from support.figures import FIGURES

if TYPE_CHECKING:
    import pytest

# `make setup` puts a Node there where the machine has none: for a pytest that make did not start.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
os.environ.update(QUIET_JSII)
# CDK's own validation of templates costs seconds a synth; one end-to-end test has it on.
os.environ.setdefault("CDK_VALIDATION", "false")
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
for name in (
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
):
    os.environ.pop(name, None)

# What is random is the same every time in `make test`, and new every night: no change goes red for another's find.
settings.register_profile("every-change", derandomize=True, database=None, deadline=None)
settings.register_profile("nightly", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "every-change"))

# Started in the background of a shell or by nohup, everything below this process would ignore Ctrl-C or a hang-up, as
# it should, and the tests of these would fail.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    """Tests count into it."""
    config.stash[FIGURES] = Counter()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say the figures of the run."""
    for name, count in sorted(config.stash[FIGURES].items()):
        terminalreporter.write_line(f"{name}: {count}")
