"""Rules of the responder: one answer to every request, small, in time, and with nothing in it that must stay here."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

import responder

if TYPE_CHECKING:
    from collections.abc import Iterator


class _CloudFormation:
    """Takes answers on 127.0.0.1; refuses the first ``refusals`` of them."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.refusals = 0
        home = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if home.refusals:
                    home.refusals -= 1
                    self.send_response(503)
                else:
                    home.answers.append(json.loads(body))
                    home.sizes.append(len(body))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path"


@pytest.fixture
def cloudformation() -> Iterator[_CloudFormation]:
    taking = _CloudFormation()
    thread = threading.Thread(target=taking.server.serve_forever, args=(0.01,))
    thread.start()
    yield taking
    taking.server.shutdown()
    thread.join()
    taking.server.server_close()


class _Context:
    """What Lambda gives beside the event."""

    log_stream_name = "2026/11/24/stream"

    def __init__(self, seconds: float = 300) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def _event(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "RequestType": "Create",
        "RequestId": "r",
        "StackId": "arn:aws:cloudformation:eu-west-1:111111111111:stack/S/u",
        "LogicalResourceId": "Ca",
        "ResponseURL": url,
        "ResourceProperties": {"CaCertificatePem": "x"},
        **changes,
    }


def test_bad_properties_are_answered_once_and_logged_without_the_url(
    cloudformation: _CloudFormation, capsys: pytest.CaptureFixture[str]
) -> None:
    """FAILED with a sentence; the response URL is a credential, and stays out of the log."""
    responder.handler(_event(cloudformation.url), _Context())
    [answer] = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "CaCertificatePem" in answer["Reason"]
    assert answer["RequestId"] == "r"
    assert "secret-path" not in capsys.readouterr().out


def test_an_answer_that_does_not_get_through_is_sent_again(cloudformation: _CloudFormation) -> None:
    """Without it the stack would wait until ServiceTimeout."""
    cloudformation.refusals = 2
    responder.handler(_event(cloudformation.url), _Context())
    assert len(cloudformation.answers) == 1


def test_time_that_runs_out_is_failed_before_lambda_ends(
    cloudformation: _CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interruption is not an Exception, so that nothing on the way can swallow it."""
    from ca_registrar import lifecycle

    def run(_: Any, __: Any, progress: dict[str, str]) -> Any:
        progress["doing"] = "registering the CA"
        while True:
            try:
                threading.Event().wait(5)
            except Exception:
                continue

    monkeypatch.setattr(lifecycle, "run", run)
    responder.handler(_event(cloudformation.url), _Context(responder.RESERVE + 0.1))
    [answer] = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "time ran out while registering the CA" in answer["Reason"]


def test_an_unforeseen_error_says_its_kind_and_nothing_of_its_text(
    cloudformation: _CloudFormation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Texts of unforeseen errors may hold what must not get out."""
    from ca_registrar import lifecycle

    def run(*_: Any) -> Any:
        raise KeyError("PRIVATE KEY MATERIAL")

    monkeypatch.setattr(lifecycle, "run", run)
    responder.handler(_event(cloudformation.url, RequestType="Update", PhysicalResourceId="old"), _Context())
    [answer] = cloudformation.answers
    assert "KeyError" in answer["Reason"]
    assert answer["PhysicalResourceId"] == "old"
    assert "MATERIAL" not in json.dumps(answer) + capsys.readouterr().out


def test_a_long_reason_is_cut_to_what_cloudformation_reads(
    cloudformation: _CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4,096 bytes, with the beginning and the end of the sentence kept."""
    from ca_registrar import lifecycle
    from ca_registrar.errors import RegistrarError

    def run(*_: Any) -> Any:
        raise RegistrarError("begins so " + "ü" * 9000 + " ends so")

    monkeypatch.setattr(lifecycle, "run", run)
    responder.handler(_event(cloudformation.url), _Context())
    assert cloudformation.sizes[0] <= responder.LARGEST_ANSWER
    assert cloudformation.answers[0]["Reason"].startswith("begins so")
    assert _Context.log_stream_name in cloudformation.answers[0]["Reason"]


def test_even_an_exit_is_answered(cloudformation: _CloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the work: an answer that does not come holds the stack."""
    from ca_registrar import lifecycle

    def run(*_: Any) -> Any:
        raise SystemExit(3)

    monkeypatch.setattr(lifecycle, "run", run)
    responder.handler(_event(cloudformation.url), _Context())
    assert [answer["Status"] for answer in cloudformation.answers] == ["FAILED"]
