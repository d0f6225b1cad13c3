"""The entry point: answers CloudFormation exactly once, whatever happens in the rest of this Lambda.

Imports the standard library alone, and the rest inside of ``try``. Never logs the response URL, a key or a secret, and
puts no traceback into an answer.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: CloudFormation reads no more than this, in bytes.
LARGEST_ANSWER = 4096
# Copies of ca_registrar/timing.py, held to it by a test: an answer is due even where that cannot be imported.
#: How long before Lambda ends us we answer FAILED; seconds.
RESERVE = 30.0
ANSWER_ATTEMPTS, ANSWER_TIMEOUT = 6, 4.0
ANSWER_PAUSES = (0.2, 1.0)


class DeadlineExceededError(BaseException):
    """Time is nearly up. No ``Exception``: botocore and others catch those, and would go on."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Carry out one request of CloudFormation, and answer it."""
    answer: dict[str, Any] = {
        "Status": "FAILED",
        "PhysicalResourceId": event.get("PhysicalResourceId")
        or f"unregistered-{event.get('LogicalResourceId')}",
        "StackId": event.get("StackId"),
        "RequestId": event.get("RequestId"),
        "LogicalResourceId": event.get("LogicalResourceId"),
    }
    progress: dict[str, str] = {"PhysicalResourceId": answer["PhysicalResourceId"]}
    try:
        with _deadline(context):
            from ca_registrar.lifecycle import run

            outcome = run(event, context, progress)
        answer.update(
            Status="SUCCESS", PhysicalResourceId=outcome["PhysicalResourceId"], Data=outcome["Data"]
        )
    except DeadlineExceededError:
        doing = f"{progress.get('about', '')}time ran out while {progress.get('doing', 'starting')}"
        answer["Reason"] = f"{doing}; what was done is undone by the roll-back{_see(context)}"
    except BaseException as error:  # an exit, too, has to be answered
        answer["Reason"] = _reason(error) + _see(context)
        _log_failure(event, error)
    if answer["Status"] == "FAILED":
        answer["PhysicalResourceId"] = progress["PhysicalResourceId"]
    _send(event["ResponseURL"], _fitting(answer))


@contextlib.contextmanager
def _deadline(context: Any) -> Iterator[None]:
    """Interrupt the body before Lambda ends it without an answer."""
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE
    if threading.current_thread() is not threading.main_thread():
        yield  # no signals here; each call's own time-outs have to do
        return

    def interrupt(*_: object) -> None:
        raise DeadlineExceededError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _reason(error: BaseException) -> str:
    # Only sentences that were written for people go out; other errors may carry what they should not.
    sentence = getattr(error, "sentence", None)
    return str(sentence) if sentence else f"unexpected {type(error).__name__}"


def _see(context: Any) -> str:
    return f" (log stream {getattr(context, 'log_stream_name', 'unknown')})"


def _log_failure(event: dict[str, Any], error: BaseException) -> None:
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    reason, request_id = _reason(error), event.get("RequestId")
    _log("failed", error=type(error).__name__, reason=reason, request_id=request_id, at=frames[-6:])


def _fitting(answer: dict[str, Any]) -> bytes:
    """The answer as JSON of at most `LARGEST_ANSWER` bytes: a long reason loses its middle."""
    body = json.dumps(answer).encode()
    reason = str(answer.get("Reason", ""))
    keep = len(reason)
    while len(body) > LARGEST_ANSWER and keep > 0:
        keep = keep * 3 // 4
        shortened = f"{reason[: keep * 3 // 4]} … {reason[len(reason) - keep // 4 :]}"
        body = json.dumps({**answer, "Reason": shortened}).encode()
    return body


def _send(url: str, body: bytes) -> None:
    """PUT the answer, again if need be: without it the stack waits until ServiceTimeout."""
    pause, longest = ANSWER_PAUSES
    for attempt in range(ANSWER_ATTEMPTS):
        request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT):  # noqa: S310 - CloudFormation's own https URL
                return
        except urllib.error.HTTPError as error:
            problem: object = error.code
            error.close()
        except OSError as error:
            problem = type(error).__name__
        _log("answer again", attempt=attempt + 1, error=problem)
        if attempt + 1 < ANSWER_ATTEMPTS:
            time.sleep(pause)
            pause = min(pause * 2, longest)
    _log("answer lost")


def _log(decision: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"decision": decision, **facts}) + "\n")
