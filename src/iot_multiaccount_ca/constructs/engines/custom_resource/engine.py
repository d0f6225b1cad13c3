"""The engine that registers by a Lambda of the stack: what a request asks of it becomes a custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnResource

from ....model.assembly import RESOURCE_TYPE
from ....model.tags import BY_REGISTRAR
from ..protocol import Registered
from .registrar_function import RegistrarFunction
from .request_properties import repair_properties, request_properties

if TYPE_CHECKING:
    from aws_cdk import aws_iam, aws_logs
    from constructs import Construct

    from ....model.registration import RegistrationRequest
    from ...place import Place


class CustomResourceEngine:
    """``Custom::IotCaCertificate``. ``role``, ``log_group``: the user's own, for the one Lambda of a stack."""

    def __init__(
        self, *, role: aws_iam.IRole | None = None, log_group: aws_logs.ILogGroup | None = None
    ) -> None:
        self._role = role
        self._log_group = log_group

    def emit(self, scope: Construct, request: RegistrationRequest, place: Place) -> Registered:
        """The stack's registrar, able to do what this request needs too, and the custom resource."""
        registrar = RegistrarFunction.serve(place, request, role=self._role, log_group=self._log_group)
        resource = CfnResource(
            scope,
            "Resource",
            type=RESOURCE_TYPE,
            properties=repair_properties(place.registry.repair)
            | request_properties(request, service_token=registrar.service_token),
        )
        registrar.order_before(resource)
        return Registered(resource, resource.ref, RESOURCE_TYPE, BY_REGISTRAR)
