"""A small strict fake of AWS IoT's CA calls in one account and region; botocore's model checks the parameters."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

_MODEL = (
    boto3.Session()
    .client("iot", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    .meta
)
WRITES = frozenset({"register", "update", "delete", "tag", "untag"})


def error(code: str, operation: str, **extra: Any) -> ClientError:
    """An error as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}, **extra}, operation)


class FakeIot:
    """One account and region. ``owners``: who in the region holds which CA in DEFAULT mode."""

    def __init__(self, account: str = "111111111111", owners: dict[str, str] | None = None) -> None:
        self.account = account
        self.owners = {} if owners is None else owners
        self.cas: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.faults: dict[str, list[tuple[str, BaseException]]] = {}

    def client(self, service_name: str, region: str | None = None) -> FakeIot:
        assert service_name == "iot"
        return self

    @property
    def writes(self) -> list[str]:
        return [name for name in self.calls if name.split("_")[0] in WRITES]

    def fail(self, operation: str, problem: BaseException, *, when: str = "before") -> None:
        """The next call of ``operation`` fails, ``before`` or ``after`` it took effect."""
        self.faults.setdefault(operation, []).append((when, problem))

    def fail_always(self, operation: str, problem: BaseException) -> None:
        """Every call of ``operation`` fails."""
        self.faults[operation] = [("before", problem)] * 1000

    def __getattr__(self, operation: str) -> Any:
        act = object.__getattribute__(self, f"_do_{operation}")

        def call(**parameters: Any) -> Any:
            name = {_MODEL.method_to_api_mapping[operation]: operation}.popitem()[0]
            shape = _MODEL.service_model.operation_model(name).input_shape
            if shape is not None:
                report = ParamValidator().validate(parameters, shape)
                assert not report.has_errors(), report.generate_report()
            self.calls.append(operation)
            when, problem = self.faults[operation].pop(0) if self.faults.get(operation) else ("", None)
            if when == "before" and problem is not None:
                raise problem
            answer = act(**parameters)
            if problem is not None:
                raise problem
            return answer

        return call

    def _ca(self, certificate_id: str) -> dict[str, Any]:
        if certificate_id not in self.cas:
            raise error("ResourceNotFoundException", "DescribeCACertificate")
        return self.cas[certificate_id]

    def _arn(self, certificate_id: str) -> str:
        return f"arn:aws:iot:eu-west-1:{self.account}:cacert/{certificate_id}"

    def _do_get_registration_code(self) -> Any:
        return {"registrationCode": "ab" * 32}

    def _do_register_ca_certificate(self, **asked: Any) -> Any:
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(asked["caCertificate"].strip())).hexdigest()
        mode = asked["certificateMode"]
        if (mode == "DEFAULT") != ("verificationCertificate" in asked):
            raise error("InvalidRequestException", "RegisterCACertificate")
        if found in self.cas:
            extra = {"resourceId": found, "resourceArn": self._arn(found)}
            raise error("ResourceAlreadyExistsException", "RegisterCACertificate", **extra)
        if mode == "DEFAULT" and self.owners.setdefault(found, self.account) != self.account:
            raise error("ResourceAlreadyExistsException", "RegisterCACertificate")
        self.cas[found] = {
            "pem": asked["caCertificate"],
            "mode": mode,
            "status": "ACTIVE" if asked.get("setAsActive") else "INACTIVE",
            "auto": "ENABLE" if asked.get("allowAutoRegistration") else "DISABLE",
            "config": asked.get("registrationConfig"),
            "tags": {tag["Key"]: tag["Value"] for tag in asked.get("tags", [])},
        }
        return {"certificateId": found, "certificateArn": self._arn(found)}

    def _do_describe_ca_certificate(self, certificateId: str) -> Any:
        ca = self._ca(certificateId)
        description = {
            "certificateId": certificateId,
            "certificateArn": self._arn(certificateId),
            "certificatePem": ca["pem"],
            "status": ca["status"],
            "certificateMode": ca["mode"],
            "autoRegistrationStatus": ca["auto"],
        }
        return {"certificateDescription": description} | (
            {"registrationConfig": ca["config"]} if ca["config"] else {}
        )

    def _do_update_ca_certificate(self, certificateId: str, **asked: Any) -> Any:
        ca = self._ca(certificateId)
        ca["status"] = asked.get("newStatus", ca["status"])
        ca["auto"] = asked.get("newAutoRegistrationStatus", ca["auto"])
        ca["config"] = asked.get("registrationConfig", ca["config"])
        if asked.get("removeAutoRegistration"):
            ca["auto"], ca["config"] = "DISABLE", None
        return {}

    def _do_delete_ca_certificate(self, certificateId: str) -> Any:
        if self._ca(certificateId)["status"] == "ACTIVE":
            raise error("CertificateStateException", "DeleteCACertificate")
        del self.cas[certificateId]
        if self.owners.get(certificateId) == self.account:
            del self.owners[certificateId]
        return {}

    def _do_list_ca_certificates(self, **_: Any) -> Any:
        return {"certificates": [{"certificateId": each} for each in self.cas]}

    def _do_list_tags_for_resource(self, resourceArn: str, **_: Any) -> Any:
        tags = self._ca(resourceArn.split("/")[-1])["tags"]
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _do_tag_resource(self, resourceArn: str, tags: list[dict[str, str]]) -> Any:
        self._ca(resourceArn.split("/")[-1])["tags"].update({tag["Key"]: tag["Value"] for tag in tags})
        return {}

    def _do_untag_resource(self, resourceArn: str, tagKeys: list[str]) -> Any:
        held = self._ca(resourceArn.split("/")[-1])["tags"]
        for key in tagKeys:
            held.pop(key, None)
        return {}
