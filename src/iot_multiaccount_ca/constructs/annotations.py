"""What synth says of a registration beside its resources: errors, warnings and what other accounts must add."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from aws_cdk import Annotations

from ..model.assembly_policies import FOREIGN_POLICY_METADATA_TYPE, metadata_of, what_to_add
from ..model.assembly_sets import kept
from ..model.ca import EXPIRES_SOON_DAYS
from ..model.options import RegistrationEngine
from ..text import in_iso, plain

if TYPE_CHECKING:
    from constructs import Construct

    from ..model.ca.certificate import CaCertificate
    from ..model.jitp.template_body import JitpTemplateBody
    from ..model.registration import RegistrationRequest
    from ..model.stack_set.request import StackSetRequest

#: A CA that expires sooner than this is worth a warning at every synth.
NEAR_EXPIRY = dt.timedelta(days=EXPIRES_SOON_DAYS)


def annotate(scope: Construct, request: RegistrationRequest, account: str) -> None:
    """Say all that is to be said of a registration in ``account``; asks the CDK for nothing where nothing is."""
    annotate_validity(scope, request.ca_certificate, retiring=request.retiring)
    if request.verification is None:
        return
    problem = request.verification.pre_issued_problem(request.stage)
    if problem is not None:
        # No error: a registration that stands needs no proof, and its stack can still be deployed.
        native = (
            "; where it is registered already keep this proof: for another one CloudFormation would make another "
            "registration of the same CA, and fail"
        )
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:pre-issued-validity",
            f"{problem}; until then the CA can neither be registered here nor change its mode, and what is registered "
            f"stays as it is{native if request.engine is RegistrationEngine.NATIVE else ''}",
        )
    for policy in request.verification.foreign_policies(account, ca_certificate=request.ca_certificate):
        scope.node.add_metadata(FOREIGN_POLICY_METADATA_TYPE, metadata_of(policy))
        Annotations.of(scope).add_info(f"{what_to_add(policy.kind, policy.resource_arn)}\n{policy.to_json()}")


def annotate_validity(scope: Construct, ca: CaCertificate, *, retiring: bool) -> None:
    """What time has done, or will soon do, to the CA.

    An expired or not yet valid CA is an error annotation: `cdk deploy` refuses, `cdk destroy` works.
    """
    now = dt.datetime.now(dt.UTC)
    problem = None
    if now >= ca.not_valid_after:
        problem = f"the CA certificate expired on {in_iso(ca.not_valid_after)}"
    elif now < ca.not_valid_before:
        problem = f"the CA certificate is not valid before {in_iso(ca.not_valid_before)}"
    named = f"{plain(ca.subject)}, {ca.certificate_id[:16]}…"
    if problem is not None and not retiring:
        Annotations.of(scope).add_error(
            f"{problem} ({named}): AWS IoT refuses it; fix: make a CA that is valid now the ca_certificate"
        )
    elif problem is not None:
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:retiring-ca-validity", f"{problem} ({named}): take it out of `retiring`"
        )
    elif ca.not_valid_after - now < NEAR_EXPIRY:
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:ca-expires-soon",
            f"the CA certificate expires on {in_iso(ca.not_valid_after)} ({named}): begin its rotation now: "
            "make the next CA the ca_certificate, and put this one into retiring",
        )


def annotate_template_warnings(scope: Construct, body: JitpTemplateBody) -> None:
    """What a JITP template may do, and hardly should: each a warning that can be acknowledged."""
    for warning in body.warnings:
        Annotations.of(scope).add_warning_v2(
            f"iot-multiaccount-ca:{warning.code}", f"{warning.problem}; fix: {warning.fix}"
        )


def annotate_set(scope: Construct, request: StackSetRequest) -> None:
    """Say all that is to be said of a set."""
    annotate_validity(scope, request.ca_certificate, retiring=False)
    for old in request.retiring:
        annotate_validity(scope, old.ca_certificate, retiring=True)
    if request.provisioning is not None:
        annotate_template_warnings(scope, request.provisioning)
    for warning in request.warnings:
        Annotations.of(scope).add_warning_v2("iot-multiaccount-ca:set", warning)
    if request.targets.service_managed:
        Annotations.of(scope).add_info(
            "a set of organizational units never reaches the organization's management account: where devices come "
            "there too, register the CA in it with a SharedCa"
        )
    if request.retains:
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:set-retains",
            "an account that leaves keeps its registration (on_leaving=RETAIN), and fails when it returns, since a set "
            f"cannot take over what exists; fix: before that, delete there {kept(request.template_name)}",
        )
