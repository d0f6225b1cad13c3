"""A small strict fake of what the activation Lambda calls in one account; botocore's models check the parameters."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

ACCOUNT, REGION = "111111111111", "eu-west-1"
_SERVICES = ("iot", "ssm", "dynamodb")
_META = {
    name: boto3.client(name, region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b").meta
    for name in _SERVICES
}
_READS = frozenset({"describe_certificate", "get_parameter", "get_item", "list_thing_principals"})


def refusal(code: str) -> ClientError:
    """An error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, "Operation")


class FakeAccount:
    """Certificates, things and lists of one account. ``calls``: every operation asked for, in order."""

    def __init__(self) -> None:
        self.certificates: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, set[str]] = {"devices": set()}
        self.things: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, set[str]] = {}
        self.parameters: dict[str, str] = {}
        self.tables: dict[str, tuple[str, set[str]]] = {}
        self.calls: list[str] = []
        self.faults: dict[str, list[BaseException]] = {}
        self.status_after: dict[str, str] = {}

    def client(self, service_name: str) -> Any:
        """A client of one service."""
        return _Client(self, service_name)

    @property
    def writes(self) -> list[str]:
        """The operations that change something, in order."""
        return [name for name in self.calls if name not in _READS]

    def add(self, certificate_id: str, pem: str, ca: str, status: str = "PENDING_ACTIVATION") -> str:
        """A certificate that AWS IoT registered; its ARN."""
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{certificate_id}"
        self.certificates[certificate_id] = {
            "certificateId": certificate_id,
            "certificateArn": arn,
            "certificatePem": pem,
            "caCertificateId": ca,
            "status": status,
        }
        return arn

    def fail(self, operation: str, problem: BaseException) -> None:
        """The next call of the operation fails."""
        self.faults.setdefault(operation, []).append(problem)

    def _certificate(self, certificate_id: str) -> dict[str, Any]:
        if certificate_id not in self.certificates:
            raise refusal("ResourceNotFoundException")
        return self.certificates[certificate_id]

    def do_describe_certificate(self, certificateId: str) -> Any:
        return {"certificateDescription": dict(self._certificate(certificateId))}

    def do_update_certificate(self, certificateId: str, newStatus: str) -> Any:
        self._certificate(certificateId)["status"] = newStatus
        return {}

    def do_create_thing(self, thingName: str, **more: Any) -> Any:
        if thingName in self.things and self.things[thingName]["asked"] != more:
            raise refusal("ResourceAlreadyExistsException")
        self.things.setdefault(thingName, {"asked": more, "principals": set()})
        return {"thingName": thingName}

    def do_list_thing_principals(self, thingName: str, nextToken: str = "0") -> Any:
        """A principal a page, as if there were hundreds."""
        if thingName not in self.things:
            raise refusal("ResourceNotFoundException")
        at, held = int(nextToken), sorted(self.things[thingName]["principals"])
        more = {"nextToken": str(at + 1)} if at + 1 < len(held) else {}
        return {"principals": held[at : at + 1], **more}

    def do_add_thing_to_thing_group(self, thingGroupName: str, thingName: str) -> Any:
        if thingGroupName not in self.groups or thingName not in self.things:
            raise refusal("ResourceNotFoundException")
        self.groups[thingGroupName].add(thingName)
        return {}

    def do_attach_policy(self, policyName: str, target: str) -> Any:
        if policyName not in self.policies:
            raise refusal("ResourceNotFoundException")
        self.policies[policyName].add(target)
        return {}

    def do_attach_thing_principal(self, thingName: str, principal: str) -> Any:
        if thingName not in self.things:
            raise refusal("ResourceNotFoundException")
        self.things[thingName]["principals"].add(principal)
        return {}

    def do_get_parameter(self, Name: str, WithDecryption: bool = False) -> Any:
        assert WithDecryption, "a SecureString would come as it is stored"
        if Name not in self.parameters:
            raise refusal("ParameterNotFound")
        return {"Parameter": {"Name": Name, "Value": self.parameters[Name]}}

    def do_get_item(self, TableName: str, Key: dict[str, Any], **_: Any) -> Any:
        if TableName not in self.tables:
            raise refusal("ResourceNotFoundException")
        key, listed = self.tables[TableName]
        [(name, value)] = Key.items()
        if name != key:
            raise refusal("ValidationException")
        return {"Item": Key} if value["S"] in listed else {}


class _Client:
    def __init__(self, account: FakeAccount, service_name: str) -> None:
        self._account, self._meta = account, _META[service_name]

    def __getattr__(self, operation: str) -> Any:
        [name] = [api for api, method in _api(self._meta) if method == operation]
        act = getattr(self._account, f"do_{operation}")

        def call(**parameters: Any) -> Any:
            shape = self._meta.service_model.operation_model(name).input_shape
            report = ParamValidator().validate(parameters, shape)
            assert not report.has_errors(), report.generate_report()
            account = self._account
            account.calls.append(operation)
            if account.faults.get(operation):
                raise account.faults[operation].pop(0)
            answer = act(**parameters)
            # What someone else does in between.
            if operation in account.status_after:
                for each in account.certificates.values():
                    each["status"] = account.status_after[operation]
            return answer

        return call


def _api(meta: Any) -> list[tuple[str, str]]:
    return [(api, method) for method, api in meta.method_to_api_mapping.items()]
