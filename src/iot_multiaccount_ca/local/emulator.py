"""A local AWS for one run: starts the pinned emulator with its gaps closed, says how to reach it, ends it.

All of it listens on 127.0.0.1 and lives in one folder that goes with it. Never touches the user's AWS configuration.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import bound_process
from .gateway_certificate import write_gateway_certificate
from .users_environment import DIRECTLY, is_of_aws, is_of_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

LOOPBACK = "127.0.0.1"
_START_SECONDS = 60.0
# Whoever took its port in the meantime may never answer.
_ANSWER_SECONDS = 3.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
_ATTEMPTS = 3
_LOG_LINES = 15
# What a program needs to run at all; nothing else of the user's environment reaches the emulator or its Lambdas.
_INHERITED = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYENV_VERSION", "TZ", "VIRTUAL_ENV")
_TRUST_VARIABLES = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class LocalAwsError(RuntimeError):
    """The local AWS does not start, or does not do what a rehearsal needs. ``said``: the end of what a program said."""

    def __init__(self, message: str, said: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.said = tuple(said)

    def __str__(self) -> str:
        """The message, and below it what was said."""
        return "\n".join([*self.args, *self.said])


class LocalAws:
    """A local AWS, as a context manager. An account is the access key id that a client uses.

    ``auth``: IAM policies and IoT policies are enforced. ``tls``: the endpoint is HTTPS (device connections always
    are TLS). It ends with this process, however that ends, unless `release` was called. ``bind``:
    one more address of this machine on which devices may connect.
    ``settings``: more environment variables for the emulator, such as `gaps.registration.SECOND_DEFAULT_VARIABLE`.
    Raises `LocalAwsError` when it cannot be started.
    """

    def __init__(
        self,
        *,
        auth: bool = True,
        tls: bool = True,
        bind: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._auth, self._tls, self._bind = auth, tls, bind
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()
        self.folder = Path()
        self.gateway_port = self.broker_port = 0
        # Whoever does not know it is refused: other users of this machine reach the same ports.
        self._secret = secrets.token_urlsafe(30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- how to reach it ------------------------------------------------------------------------------------

    @property
    def endpoint_url(self) -> str:
        """The endpoint of every AWS service."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.gateway_port}"

    @property
    def trust_anchor(self) -> Path:
        """PEM file by which to trust ``endpoint_url``."""
        return self.folder / "gateway.pem"

    @property
    def log(self) -> Path:
        """What the emulator, its Lambdas and its broker say."""
        return self.folder / "emulator.log"

    @property
    def connections(self) -> Path:
        """What became of each device connection, a line of JSON an event (`gaps.journal`)."""
        return self.folder / "connections.jsonl"

    @property
    def pid(self) -> int:
        """The process that a SIGTERM ends, with all that is of the local AWS. Raises `LocalAwsError` without one."""
        if self._process is None:
            raise LocalAwsError("the local AWS does not run")
        return self._process.pid

    def check(self) -> None:
        """Raise `LocalAwsError` where it has ended by itself: the cause of all that fails afterwards."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise LocalAwsError(
                f"the local AWS ended by itself (exit code {code}); the end of its log:", self._log_tail()
            )

    def broker_trust_anchor(self) -> str:
        """PEM by which a device trusts the broker, which listens on 127.0.0.1 at ``broker_port``."""
        return self._get("/_ministack/iot/ca.pem").decode()

    def client(self, service: str, *, account: str, region: str, **more: Any) -> Any:
        """A boto3 client of an account's root user; ``more``: other credentials, a configuration."""
        key = (service, account, region)
        with self._lock:
            if more:
                return self._new_client(service, account, region, more)
            if key not in self._clients:
                self._clients[key] = self._new_client(service, account, region, {})
            return self._clients[key]

    def _new_client(self, service: str, account: str, region: str, more: Mapping[str, Any]) -> Any:
        from botocore.config import Config

        # No proxy of the user's stands between this machine and itself.
        direct = Config(proxies={}).merge(more["config"]) if "config" in more else Config(proxies={})
        settings = {
            "aws_access_key_id": account,
            "aws_secret_access_key": self._secret,
            "region_name": region,
            "endpoint_url": self.endpoint_url,
            "verify": str(self.trust_anchor) if self._tls else None,
        }
        return self._session.client(service, **{**settings, **more, "config": direct})

    @functools.cached_property
    def _session(self) -> Any:
        """One session, which reads each service's model once, and no configuration of the user's."""
        import boto3
        import botocore.session

        nothing = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
        return boto3.Session(botocore_session=botocore.session.Session(session_vars=nothing))

    def settings(self, account: str, region: str | None = None) -> dict[str, str]:
        """The environment variables by which any AWS tool becomes the root user of ``account`` here."""
        nowhere = str(self.folder / "no-such-file")
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
            "NO_PROXY": DIRECTLY,
            "no_proxy": DIRECTLY,
            "CDK_HOME": str(self.folder / "cdk-home"),
        }
        if region is not None:
            settings |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if self._tls:
            settings |= {
                "AWS_CA_BUNDLE": str(self.trust_anchor),
                "NODE_EXTRA_CA_CERTS": str(self.trust_anchor),
            }
        return settings

    def environment(self, account: str, region: str | None = None) -> dict[str, str]:
        """This process's environment with everything of AWS replaced by ``settings``: for the CDK CLI and apps."""
        own = {
            name: value for name, value in os.environ.items() if not is_of_aws(name) and not is_of_proxy(name)
        }
        # What a tool leaves in its temporary folder goes with the run's, even if it is killed.
        return own | {"TMPDIR": str(self.folder / "tmp")} | self.settings(account, region)

    # --- its life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until it answers. Raises `LocalAwsError`, and then nothing is left of it."""
        try:
            # A port that was free a moment ago can be taken: then again with others.
            for attempt in range(1, _ATTEMPTS + 1):
                self.folder = Path(tempfile.mkdtemp(prefix="iot-ca-local-aws-"))
                write_gateway_certificate(self.folder)
                self.gateway_port, self.broker_port = _free_ports(2)
                self._launch()
                if self._is_ready():
                    return
                tail = self._log_tail()
                self.stop()
                if attempt == _ATTEMPTS or not any("already in use" in line for line in tail):
                    raise LocalAwsError("the local AWS does not start; the end of its log:", tail)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and remove its folder; ending twice does nothing."""
        self._end_process()
        self._clients.clear()
        if self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Let it live on when this process ends, until ``pid`` is ended."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(bound_process.RELEASE)
            self._process.stdin.flush()

    def _launch(self) -> None:
        (self.folder / "tmp").mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this package's own programs
                [
                    *(sys.executable, str(bound_process.__file__), "--folder", str(self.folder), "--"),
                    *(sys.executable, "-m", "iot_multiaccount_ca.local.emulator_process"),
                ],
                env=self._process_environment(),
                # An open pipe for as long as this process lives: how the other one knows.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this process, which ends the emulator in order.
                start_new_session=True,
            )

    def _process_environment(self) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            "GATEWAY_PORT": str(self.gateway_port),
            "IOT_MTLS_PORT": str(self.broker_port),
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": "localhost",
            "SFTP_ENABLED": "0",
            "AUTH": "true" if self._auth else "false",
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "IOT_CONNECTIONS_FILE": str(self.connections),
            "USE_SSL": "1" if self._tls else "0",
            "TMPDIR": str(self.folder / "tmp"),
            "STATE_DIR": str(self.folder / "tmp" / "state"),
            "S3_DATA_DIR": str(self.folder / "tmp" / "s3"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
        }
        if self._tls:
            environment |= {
                "MINISTACK_SSL_CERT": str(self.trust_anchor),
                "MINISTACK_SSL_KEY": str(self.folder / "gateway.key"),
            }
            # Lambdas inherit it: by this their boto3, urllib and Node trust the endpoint and the response URL.
            environment |= dict.fromkeys(_TRUST_VARIABLES, str(self.trust_anchor))
        if self._bind is not None:
            environment["IOT_BIND_ADDRESS"] = self._bind
        return environment | self._settings

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                return bool(
                    json.loads(self._get("/_ministack/ready", _ANSWER_SECONDS))["iot_mtls"] == "listening"
                )
            time.sleep(_POLL_SECONDS)
        return False

    def _get(self, path: str, seconds: float = _START_SECONDS) -> bytes:
        context = ssl.create_default_context(cafile=str(self.trust_anchor)) if self._tls else None
        # No proxy of the user's stands between this machine and itself.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(f"{self.endpoint_url}{path}", timeout=seconds) as answer:
            content: bytes = answer.read()
        return content

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _log_tail(self) -> list[str]:
        if not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
