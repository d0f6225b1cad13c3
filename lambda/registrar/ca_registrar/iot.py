"""AWS IoT: live registrations, found and read. Decides nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .errors import code_of
from .ownership import Settings
from .properties import CERTIFICATE_ID, der_of, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .runtime import Patience

GONE = "ResourceNotFoundException"


@contextlib.contextmanager
def gone_is_done() -> Iterator[None]:
    """What is gone already needs no removing."""
    try:
        yield
    except ClientError as error:
        if code_of(error) != GONE:
            raise


@dataclass(frozen=True)
class Live:
    """A registration as it is."""

    certificate_id: str
    arn: str
    pem: str
    status: str
    mode: str
    auto_status: str
    config: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def template_name(self) -> str | None:
        """The provisioning template that it uses."""
        name: str | None = self.config.get("templateName")
        return name

    @property
    def has_template_body(self) -> bool:
        """Whether it has a template body of its own, in the place of a template's name."""
        return bool(self.config.get("templateBody"))

    @property
    def settings(self) -> Settings:
        """What of it can be changed in place."""
        return Settings(self.status, self.auto_status, self.template_name)


class Iot:
    """The AWS IoT of one account and region."""

    def __init__(self, client: Any, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def call(self, operation: str, **parameters: Any) -> Any:
        """One call; what the role may not do yet is tried again while a fresh role may still be spreading."""
        return self._patience.attempt(lambda: getattr(self._client, operation)(**parameters))

    def find(self, certificate_id: str) -> Live | None:
        """The registration of that id, with its tags, or `None`."""
        try:
            answer = self.call("describe_ca_certificate", certificateId=certificate_id)
            description = answer["certificateDescription"]
            tags = self._tags(description["certificateArn"])
        except ClientError as error:
            if code_of(error) == GONE:
                return None
            raise
        return Live(
            certificate_id=description["certificateId"],
            arn=description["certificateArn"],
            pem=description.get("certificatePem", ""),
            status=description["status"],
            mode=description.get("certificateMode", "DEFAULT"),
            auto_status=description.get("autoRegistrationStatus", "DISABLE"),
            config=answer.get("registrationConfig") or {},
            tags=tags,
        )

    def find_by_pem(self, pem: str) -> Live | None:
        """The registration of that certificate: by its digest, else by a look at every one.

        AWS does not document that a CA's id is its digest; as long as it is, the second way is never taken.
        """
        found = self.find(digest_of(pem))
        if found is not None:
            return found
        wanted = der_of(pem)
        marker: str | None = None
        while True:
            page = self.call("list_ca_certificates", pageSize=250, **({"marker": marker} if marker else {}))
            for each in page["certificates"]:
                live = self.find(each["certificateId"])
                if live is not None and live.pem and der_of(live.pem) == wanted:
                    return live
            marker = page.get("nextMarker")
            if not marker:
                return None

    def find_for_delete(self, physical_id: str, pem: str | None) -> Live | None:
        """What a resource with this physical id registered: never another CA's registration."""
        if CERTIFICATE_ID.fullmatch(physical_id):
            found = self.find(physical_id)
            if found is not None or pem is None or digest_of(pem) != physical_id:
                return found
        # An id that CloudFormation made up (an answer was lost), or one that was only computed.
        return self.find_by_pem(pem) if pem is not None else None

    def _tags(self, arn: str) -> dict[str, str]:
        found: dict[str, str] = {}
        token: str | None = None
        while True:
            page = self.call(
                "list_tags_for_resource", resourceArn=arn, **({"nextToken": token} if token else {})
            )
            found |= {tag["Key"]: tag.get("Value", "") for tag in page.get("tags", [])}
            token = page.get("nextToken")
            if not token:
                return found
