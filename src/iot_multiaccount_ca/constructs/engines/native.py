"""The engine without a Lambda: a request becomes an ``AWS::IoT::CACertificate``, which CloudFormation itself registers.

See "AWS::IoT::CACertificate" in the AWS CloudFormation user guide.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aws_cdk import Aws, CfnResource

from ...model.assembly import NATIVE_RESOURCE_TYPE
from ...model.native import ca_certificate_properties
from ...model.ownership import TAG_LOGICAL_ID, TAG_STACK_ID
from ...model.tags import BY_CLOUDFORMATION
from .protocol import Registered

if TYPE_CHECKING:
    from constructs import Construct

    from ...model.registration import RegistrationRequest
    from ..place import Place


class NativeEngine:
    """``AWS::IoT::CACertificate``. Writes the registrar's ownership tags, so that a registrar knows whose the CA is."""

    def emit(self, scope: Construct, request: RegistrationRequest, place: Place) -> Registered:  # noqa: ARG002
        """The one resource; its template and role are the request's, made elsewhere."""
        resource = CfnResource(
            scope, "Resource", type=NATIVE_RESOURCE_TYPE, properties=ca_certificate_properties(request)
        )
        own_tags = {TAG_STACK_ID: _stack_id(), TAG_LOGICAL_ID: resource.logical_id}
        resource.add_property_override(
            "Tags", [{"Key": key, "Value": own_tags[key]} for key in sorted(own_tags)]
        )
        return Registered(resource, resource.ref, NATIVE_RESOURCE_TYPE, BY_CLOUDFORMATION, own_tags)


@cache
def _stack_id() -> str:
    """`Aws.STACK_ID`, which is one Token for all stacks: asked for once."""
    return Aws.STACK_ID
