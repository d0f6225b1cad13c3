"""The engine that registers by a Lambda of the stack: what a request asks of it becomes a custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnResource

from ....model.assembly import RESOURCE_TYPE
from ..protocol import Registered
from .permissions import Need
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
        template, proof = request.template, request.verification
        need = Need(
            request.ca_certificate,
            request.certificate_mode,
            proof,
            template.role_arn if template is not None else None,
            request.adopt_from_stack,
            request.adopt_template_role_arn,
        )
        registrar = RegistrarFunction.serve(place, need, role=self._role, log_group=self._log_group)
        resource = CfnResource(
            scope,
            "Resource",
            type=RESOURCE_TYPE,
            properties=repair_properties(place.registry.repair)
            | request_properties(
                service_token=registrar.service_token,
                ca_certificate=request.ca_certificate,
                mode=request.certificate_mode,
                active=request.active,
                auto_registration=request.enrolls,
                template_name=template.name if template is not None else None,
                verification=proof.request_properties(request.stage) if proof is not None else None,
                allow_mode_change=request.allow_mode_change,
                on_existing=request.on_existing,
                adopt_from_stack=request.adopt_from_stack,
                adopt_template_role_arn=request.adopt_template_role_arn,
            ),
        )
        registrar.order_before(resource)
        return Registered(resource, resource.ref, RESOURCE_TYPE)
