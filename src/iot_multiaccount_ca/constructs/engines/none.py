"""The engine between two engines: makes nothing, and takes nothing away that the deployment before left with RETAIN.

A deployed resource cannot become one of another type under its logical id: it has to leave the template first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, CfnResource

from ...model.assembly import NATIVE_RESOURCE_TYPE
from ...model.tags import BY_CLOUDFORMATION
from .protocol import Registered

if TYPE_CHECKING:
    from constructs import Construct

    from ...model.registration import RegistrationRequest
    from ..place import Place

_CHILD = "Resource"


class NoEngine:
    """No resource; the certificate id is literal, since nothing is there to refer to."""

    def emit(self, scope: Construct, request: RegistrationRequest, place: Place) -> Registered:  # noqa: ARG002
        """Nothing but a warning; the logical id is the one that both other engines give their resource."""
        logical_id = CfnResource(scope, _CHILD, type=NATIVE_RESOURCE_TYPE).logical_id
        scope.node.try_remove_child(_CHILD)
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:no-engine",
            "no engine carries this registration out: deploy this only after a deployment with RETAIN by the former "
            "engine, or the CA is deregistered; what is changed here reaches AWS IoT with the next engine",
        )
        ca_id = request.ca_certificate.certificate_id
        # Whichever engine comes next takes what CloudFormation takes.
        return Registered(None, ca_id, NATIVE_RESOURCE_TYPE, BY_CLOUDFORMATION, logical_id=logical_id)
