"""A few read calls of STS, AWS IoT, IAM and CloudFormation over real HTTP, for tests of what reads a fleet.

It answers what its `World` holds, after a latency that a benchmark sets, and can be told to fail. Access keys are
account ids, as on the local AWS. Strict in one way: it answers for the account and region that signed the request.
Not a rehearsal of AWS's behaviour; the local AWS is.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import urllib.parse
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run by its path
    sys.path.insert(0, str(Path(__file__).parents[2]))

from support.fakes.stack_sets import FaultError, organization, stack_set

_CREDENTIAL = re.compile(r"Credential=(?:ASIA)?(\d{12})/\d{8}/([a-z0-9-]+)/([a-z]+)/")
_XML = '<{action}Response xmlns="https://x/"><{action}Result>{result}</{action}Result></{action}Response>'


@dataclass
class World:
    """What AWS holds. Keys of ``cas`` and ``templates`` are ``account/region/name``."""

    roles: set[str] = field(default_factory=set)
    cas: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    stack_resources: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Topic rules by ``account/region``, as they are listed, with ``sql`` and ``actions`` beside.
    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: Who may call Lambda functions, by ``account/region/name``.
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Parameters and tables, by ``account/region/PARAMETER/name`` and ``account/region/TABLE/name``.
    lists: set[str] = field(default_factory=set)
    #: Registration codes by ``account/region``; an account without one refuses to give it.
    codes: dict[str, str] = field(default_factory=dict)
    #: (status, code) answers by ``account/Action``, with a message or without, taken one at a time.
    faults: dict[str, list[tuple[int, str] | tuple[int, str, str]]] = field(default_factory=dict)
    #: Status of stacks by their full id, for those that are not simply deployed; None: CloudFormation knows it no more.
    stacks: dict[str, str | None] = field(default_factory=dict)
    #: Environments of Lambda functions by ``account/region/name``.
    functions: dict[str, dict[str, str]] = field(default_factory=dict)
    #: What a proxy answers in place of AWS, by action, and under which status.
    strange: dict[str, str] = field(default_factory=dict)
    strange_status: int = 200
    #: After so many AssumeRole calls, one's own credentials are over.
    expires_after: int | None = None
    expired_code: str = "ExpiredToken"
    every_tenth_fails: bool = False
    #: How much a page of a listing holds: little, so that whoever reads the first page alone is found out.
    page_size: int = 2
    #: Stack sets by ``account/region/name``, as `fakes.stack_sets` reads them.
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Units of organizations, by ``management account/unit``: ``{"accounts": {id: state}, "units": [id]}``.
    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)


class FakeAws:
    """The server, in a thread of its own: ``with FakeAws(world) as url``."""

    def __init__(self, world: World, *, latency: float = 0.0, port: int = 0) -> None:
        self.world, self.latency, self.port = world, latency, port
        self.hang: set[str] = set()
        self.connections: set[asyncio.BaseTransport] = set()
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> str:
        started = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(
                self._loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port)
            )
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()
            self._loop.run_forever()
            self._loop.run_until_complete(self._end())
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        started.wait()
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _end(self) -> None:
        self._server.close()
        # Connections on their way in are tasks until they are among ours: a process that was killed leaves some.
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        for connection in list(self.connections):
            connection.close()
        await asyncio.sleep(0)  # closing takes a turn of the loop

    def answer(self, method: str, target: str, headers: str, body: str) -> tuple[int, str, str] | None:
        """Status, content type and text of the answer; None for one that never comes."""
        found = _CREDENTIAL.search(headers)
        account, region, service = found.groups() if found else ("", "", "")
        url = urllib.parse.urlsplit(target)
        request = dict(urllib.parse.parse_qsl(url.query or body))
        target_action = re.search(r"(?im)^x-amz-target: *\w+\.(\w+)", headers)
        action = request.get("Action") or (target_action.group(1) if target_action else _iot_action(url.path))
        self.world.calls.append(f"{account}/{region}/{action}")
        if f"{account}/{action}" in self.hang:
            return None
        try:
            faults = self.world.faults.get(f"{account}/{action}")
            if faults:
                raise FaultError(*faults.pop(0))
            if self.world.every_tenth_fails and len(self.world.calls) % 10 == 0:
                failures = ((500, "InternalFailure"), (429, "ThrottlingException"))
                raise FaultError(*failures[len(self.world.calls) // 10 % 2])
            if action in self.world.strange:
                return self.world.strange_status, "text/html", self.world.strange[action]
            if service == "organizations":
                return (
                    200,
                    "application/json",
                    json.dumps(organization(self.world.units, account, action, body)),
                )
            if action in {"DescribeStackSet", "ListStackInstances"}:
                result = stack_set(self.world.sets, account, region, action, request)
                return 200, "text/xml", _XML.format(action=action, result=result)
            if service in {"iot", "lambda"}:
                return (
                    200,
                    "application/json",
                    json.dumps(
                        self._activation(action, account, region, url.path)
                        if service == "lambda" or action == "GetTopicRule"
                        else self._iot(action, account, region, url.path, request)
                    ),
                )
            if service in {"ssm", "dynamodb"}:
                return (
                    200,
                    "application/json",
                    json.dumps(self._list(action, account, region, json.loads(body))),
                )
            result = getattr(self, f"_{action}")(account, region, request)
            return 200, "text/xml", _XML.format(action=action, result=result)
        except FaultError as fault:
            return _error(service, fault)

    def _iot(self, action: str, account: str, region: str, path: str, request: dict[str, str]) -> Any:
        name = urllib.parse.unquote(path.rpartition("/")[2])
        if action == "DescribeEndpoint":
            assert request["endpointType"] == "iot:Data-ATS"
            return {"endpointAddress": f"a{account}-ats.iot.{region}.amazonaws.com"}
        if action == "GetRegistrationCode":
            if f"{account}/{region}" not in self.world.codes:
                raise FaultError(401, "UnauthorizedException")
            return {"registrationCode": self.world.codes[f"{account}/{region}"]}
        if action == "DescribeCACertificate":
            return _held(self.world.cas, account, region, name)["describe"]
        if action == "ListTagsForResource":
            name = request["resourceArn"].rpartition("/")[2]
            tags = _held(self.world.cas, account, region, name)["tags"]
            return self._page("tags", [{"Key": key, "Value": value} for key, value in tags.items()], request)
        if action == "ListCACertificates":
            ids = [{"certificateId": key.split("/")[2]} for key in _here(self.world.cas, account, region)]
            return self._page("certificates", ids, request, given="nextMarker", asked="marker")
        if action == "ListProvisioningTemplates":
            held = _here(self.world.templates, account, region)
            listed = [{"templateName": key.split("/")[2], "type": each["type"]} for key, each in held.items()]
            return self._page("templates", listed, request)
        if action == "ListTopicRules":
            listed = [
                {key: value for key, value in rule.items() if key not in {"sql", "actions"}}
                for rule in self.world.rules.get(f"{account}/{region}", [])
            ]
            return self._page("rules", listed, request)
        return _held(self.world.templates, account, region, name)

    def _activation(self, action: str, account: str, region: str, path: str) -> Any:
        name = urllib.parse.unquote(path.split("/")[2 if action == "GetTopicRule" else 3])
        if action == "GetPolicy":
            return {"Policy": json.dumps(_held(self.world.policies, account, region, name))}
        if action == "GetFunctionConfiguration":
            arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
            variables = _held(self.world.functions, account, region, name)
            return {"FunctionArn": arn, "Environment": {"Variables": variables}}
        [rule] = [each for each in self.world.rules[f"{account}/{region}"] if each["ruleName"] == name]
        whole = {"ruleName": name, "sql": rule["sql"], "actions": rule["actions"], "ruleDisabled": False}
        return {"ruleArn": rule["ruleArn"], "rule": {**whole, "createdAt": 1.0}}

    def _list(self, action: str, account: str, region: str, request: dict[str, Any]) -> dict[str, Any]:
        if action == "DescribeParameters":
            [wanted] = request["ParameterFilters"]
            assert (wanted["Key"], wanted["Option"]) == ("Name", "Equals")
            there = [
                name
                for name in wanted["Values"]
                if f"{account}/{region}/PARAMETER/{name}" in self.world.lists
            ]
            return {"Parameters": [{"Name": name} for name in there]}
        if f"{account}/{region}/TABLE/{request['TableName']}" not in self.world.lists:
            raise FaultError(400, "ResourceNotFoundException", "Requested resource not found")
        return {"Table": {"TableName": request["TableName"], "TableStatus": "ACTIVE"}}

    def _page(
        self,
        key: str,
        found: list[Any],
        request: dict[str, str],
        *,
        given: str = "nextToken",
        asked: str = "nextToken",
    ) -> dict[str, Any]:
        at, size = int(request.get(asked, 0)), self.world.page_size
        more = {given: str(at + size)} if at + size < len(found) else {}
        return {key: found[at : at + size], **more}

    def _AssumeRole(self, account: str, region: str, request: dict[str, str]) -> str:
        # Counted only where it matters: a benchmark asks ten thousands of times.
        if self.world.expires_after is not None and self.world.expires_after < sum(
            call.endswith("/AssumeRole") for call in self.world.calls
        ):
            raise FaultError(
                403, self.world.expired_code, "The security token included in the request is expired"
            )
        role = request["RoleArn"]
        if role not in self.world.roles:
            raise FaultError(
                403, "AccessDenied", f"not authorized to perform: sts:AssumeRole on resource: {role}"
            )
        return (
            f"<Credentials><AccessKeyId>ASIA{role.split(':')[4]}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        )

    def _GetCallerIdentity(self, account: str, region: str, request: dict[str, str]) -> str:
        return f"<Account>{account}</Account><UserId>u</UserId><Arn>arn:aws:iam::{account}:user/me</Arn>"

    def _GetRole(self, account: str, region: str, request: dict[str, str]) -> str:
        arn = f"arn:aws:iam::{account}:role/{request['RoleName']}"
        if arn not in self.world.roles:
            raise FaultError(404, "NoSuchEntity")
        return (
            f"<Role><Path>/</Path><RoleName>{request['RoleName']}</RoleName><RoleId>r</RoleId><Arn>{arn}</Arn>"
            "<CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
        )

    def _DescribeStackResource(self, account: str, region: str, request: dict[str, str]) -> str:
        stack = f"{account}/{region}/{request['StackName']}"
        held = self.world.stack_resources.get(f"{stack}/{request['LogicalResourceId']}")
        held = held or self.world.stack_resources.get(stack)
        if held is None:
            raise FaultError(400, "ValidationError", f"Stack '{request['StackName']}' does not exist")
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in held.items())
        return f"<StackResourceDetail>{inside}</StackResourceDetail>"

    def _DescribeStackResources(self, account: str, region: str, request: dict[str, str]) -> str:
        name = request["PhysicalResourceId"]
        for held in _here(self.world.stack_resources, account, region).values():
            if held["PhysicalResourceId"] == name:
                inside = "".join(f"<{key}>{value}</{key}>" for key, value in held.items())
                return f"<StackResources><member>{inside}</member></StackResources>"
        raise FaultError(400, "ValidationError", f"Stack for {name} does not exist")

    def _DescribeStacks(self, account: str, region: str, request: dict[str, str]) -> str:
        stack_id = request["StackName"]
        name = stack_id.split("/")[1]
        deployed = self.world.stack_resources.get(f"{account}/{region}/{name}", {}).get("StackId") == stack_id
        status = self.world.stacks.get(stack_id, "CREATE_COMPLETE" if deployed else None)
        if status is None:
            raise FaultError(400, "ValidationError", f"Stack with id {stack_id} does not exist")
        return (
            f"<Stacks><member><StackId>{stack_id}</StackId><StackName>{name}</StackName>"
            f"<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>{status}</StackStatus></member></Stacks>"
        )


class _Connection(asyncio.Protocol):
    """Just enough HTTP/1.1: one request at a time, kept alive."""

    def __init__(self, server: FakeAws) -> None:
        self._server, self._buffer = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._server.connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        headers = head.decode("latin-1")
        length = re.search(r"(?im)^content-length: *(\d+)", headers)
        size = int(length.group(1)) if length else 0
        if len(rest) < size:
            return
        self._buffer = rest[size:]
        method, target, _ = headers.split(" ", 2)
        answer = self._server.answer(method, target, headers, rest[:size].decode())
        if answer is None:
            return
        status, kind, text = answer
        body = text.encode()
        lines = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        if kind == "application/json" and status != 200:
            lines += f"x-amzn-ErrorType: {json.loads(text)['code']}\r\n"
        whole = lines.encode() + b"\r\n" + body
        asyncio.get_running_loop().call_later(self._server.latency, self._write, whole)

    def _write(self, whole: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(whole)  # type: ignore[attr-defined]


def _iot_action(path: str) -> str:
    kinds = {
        "/cacertificates": "ListCACertificates",
        "/cacertificate/": "DescribeCACertificate",
        "/tags": "ListTagsForResource",
        "/provisioning-templates/": "DescribeProvisioningTemplate",
        "/provisioning-templates": "ListProvisioningTemplates",
        "/endpoint": "DescribeEndpoint",
        "/registrationcode": "GetRegistrationCode",
        "/rules/": "GetTopicRule",
        "/rules": "ListTopicRules",
        "/2015-03-31/functions/": "GetFunctionConfiguration",
    }
    if path.startswith("/2015-03-31/functions/") and path.endswith("/policy"):
        return "GetPolicy"
    return next(action for prefix, action in kinds.items() if path.startswith(prefix))


def _here(what: dict[str, dict[str, Any]], account: str, region: str) -> dict[str, dict[str, Any]]:
    return {key: each for key, each in what.items() if key.startswith(f"{account}/{region}/")}


def _held(what: dict[str, dict[str, Any]], account: str, region: str, name: str) -> dict[str, Any]:
    try:
        return what[f"{account}/{region}/{name}"]
    except KeyError:
        raise FaultError(404, "ResourceNotFoundException", f"{name} does not exist") from None


def _error(service: str, fault: FaultError) -> tuple[int, str, str]:
    if service in {"iot", "lambda", "organizations", "ssm", "dynamodb"}:
        return (
            fault.status,
            "application/json",
            json.dumps({"code": fault.code, "__type": fault.code, "message": fault.message}),
        )
    text = f"<ErrorResponse><Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error></ErrorResponse>"
    return fault.status, "text/xml", text


def save(world: World, path: Path) -> None:
    """Write a world for a server in another process."""
    sets = {"roles": sorted(world.roles), "lists": sorted(world.lists)}
    path.write_text(json.dumps({**asdict(world), **sets}))


def _load(path: Path) -> World:
    held = json.loads(path.read_text())
    return World(**{**held, "roles": set(held["roles"]), "lists": set(held["lists"])})


if __name__ == "__main__":
    # python tests/support/fakes/fleet_aws.py WORLD.json LATENCY_SECONDS: prints its address, ends when stdin does.
    with FakeAws(_load(Path(sys.argv[1])), latency=float(sys.argv[2])) as address:
        print(address, flush=True)  # noqa: T201
        sys.stdin.read()
