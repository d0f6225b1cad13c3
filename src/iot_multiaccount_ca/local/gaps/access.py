"""Whoever calls must know a secret. Every request is signed with a key of the run's own, or refused.

The emulator takes an account's number for its root user's key, checks no signature of it, and serves its own
administration to anyone: so every other user of the machine could be every account. Here a request needs a valid
signature, before the emulator sees it; the secret of every root user is `AWS_SECRET_ACCESS_KEY` of its environment.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime, sigv4
from ministack.core.responses import _account_from_sts_session
from ministack.services import lambda_svc, sts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# What tells nothing that is secret: whether it runs, and whom devices trust.
_OPEN = {"/_ministack/health", "/_ministack/ready", "/_ministack/iot/ca.pem"}
# CloudFormation's response URL: the token at its end, which only the asked function has, is the secret.
_RESPONSE_URL = "/_ministack/cfn-response/"
_XML_ROOT = {"s3": "Error", "sts": "", "iam": "", "cloudformation": "", "sns": ""}
_SALT = secrets.token_bytes(32)


def close() -> None:
    """Stand before the emulator, and give functions credentials that nobody can compute."""
    app.app = _guarded(app.app)
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = _execution_credentials


def _guarded(application: Application) -> Application:
    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_open(scope):
            await application(scope, receive, send)
            return
        body = await _body(receive) if scope["type"] == "http" else b""
        failure = _failure(scope, body)
        if failure is None:
            await application(scope, _again(body, receive) if scope["type"] == "http" else receive, send)
        elif scope["type"] == "http":
            await _refuse(send, *failure)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    return guard


def _is_open(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path, method = scope["path"], scope["method"]
    return (method == "GET" and path in _OPEN) or (method == "PUT" and path.startswith(_RESPONSE_URL))


def _failure(scope: Scope, body: bytes) -> tuple[str, str, str] | None:
    """The service that was called, an error's code and its message; None where the signature is good."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
    in_query = not headers.get("authorization") and "X-Amz-Algorithm" in query
    if not in_query and not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        return "", "MissingAuthenticationToken", "The request is not signed (AWS Signature Version 4)."
    signature = sigv4.parse_query_signature(query) if in_query else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        return "", *signature
    token = (
        (query.get("X-Amz-Security-Token") or [""])[0]
        if in_query
        else headers.get("x-amz-security-token", "")
    )
    expired = _is_late(signature, query) if in_query else sigv4.request_time_failure(signature)
    if expired:
        return signature.service, *expired
    account = _account_of(signature.access_key_id)
    credential = iam_evaluator.resolve_credential(signature.access_key_id, account, token)
    if not isinstance(credential, iam_evaluator.ResolvedCredential):
        return signature.service, credential.code, credential.message
    raw_path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    wrong = sigv4.header_signature_failure(
        signature,
        credential.secret_access_key,
        scope.get("method", "GET"),
        raw_path,
        query,
        headers,
        body,
        presigned=in_query,
    )
    return (signature.service, *wrong) if wrong else None


def _account_of(key_id: str) -> str:
    if key_id.isdigit() and len(key_id) == 12:
        return key_id
    found = _account_from_sts_session(key_id) or iam_evaluator.find_iam_access_key_account(key_id)
    return str(found or "000000000000")


def _is_late(signature: Any, query: dict[str, list[str]]) -> tuple[str, str] | None:
    expires = (query.get("X-Amz-Expires") or ["300"])[0]
    try:
        late = sigv4.presigned_request_is_expired(signature.amz_date, expires)
    except ValueError:
        late = True
    return ("AccessDenied", "Request has expired") if late else None


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(chunks)


def _again(body: bytes, receive: Receive) -> Receive:
    unread = [body]

    async def receive_again() -> MutableMapping[str, Any]:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return receive_again


async def _refuse(send: Send, service: str, code: str, message: str) -> None:
    if service in _XML_ROOT:
        error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        root = _XML_ROOT[service]
        text = (
            f"<{root}>{error}</{root}>" if root else f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
        )
        kind = b"application/xml"
    else:
        text, kind = json.dumps({"__type": code, "message": message}), b"application/json"
    headers = [(b"content-type", kind), (b"x-amzn-errortype", code.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _execution_credentials(config: dict[str, Any]) -> dict[str, str]:
    """A session of the function's role, the same each time; the emulator's own can be computed by anyone."""
    account, _ = lambda_runtime._account_region_from_function_config(config)
    role, name = str(config.get("Role", "")).rpartition("/")[2], config.get("FunctionName", "function")[:64]

    def of(what: str) -> str:
        about = f"{what}:{config.get('FunctionArn')}:{config.get('Role')}"
        return hmac.new(_SALT, about.encode(), hashlib.sha256).hexdigest()

    key_id = f"ASIA{of('key')[:16].upper()}"
    session = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        "UserId": f"{role}:{name}",
        "SecretAccessKey": of("secret"),
        "SessionToken": of("token"),
    }
    sts.register_session(key_id, session)
    return {
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
