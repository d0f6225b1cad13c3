"""Register one device CA in many AWS accounts, as CDK constructs.

Importing this package imports neither ``aws_cdk`` nor the model: names are loaded when they are asked for, so that
the command line and plain checks of a plan start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:  # what type checkers read; a test holds it equal to the table below
    from . import errors as errors
    from .constructs.alarms import CaExpiryAlarm as CaExpiryAlarm
    from .constructs.alarms import FailedProvisioningAlarm as FailedProvisioningAlarm
    from .constructs.findings import acknowledge_findings as acknowledge_findings
    from .constructs.jitr import JitrActivation as JitrActivation
    from .constructs.pipeline import SharedCaPipelineStage as SharedCaPipelineStage
    from .constructs.provisioning_template import IJitpProvisioningTemplate as IJitpProvisioningTemplate
    from .constructs.provisioning_template import JitpProvisioningTemplate as JitpProvisioningTemplate
    from .constructs.registration import CaRegistration as CaRegistration
    from .constructs.registration import ICaRegistration as ICaRegistration
    from .constructs.shared_ca import SharedCa as SharedCa
    from .constructs.stack_set import SharedCaStackSet as SharedCaStackSet
    from .errors import SharedCaError as SharedCaError
    from .model.assembly import RegistrationRecord as RegistrationRecord
    from .model.assembly import read_registrations as read_registrations
    from .model.ca.certificate import CaCertificate as CaCertificate
    from .model.ca.certificate import CertificateMode as CertificateMode
    from .model.jitp.simulation import Finding as Finding
    from .model.jitp.simulation import Provisioning as Provisioning
    from .model.jitp.simulation import Severity as Severity
    from .model.jitp.template_body import JitpTemplateBody as JitpTemplateBody
    from .model.jitr.admission import Admission as Admission
    from .model.jitr.admission import ListedBy as ListedBy
    from .model.jitr.enrollment import JitrEnrollment as JitrEnrollment
    from .model.jitr.settings import AdmissionSettings as AdmissionSettings
    from .model.jitr.settings import EnrollmentSettings as EnrollmentSettings
    from .model.options import OnExisting as OnExisting
    from .model.options import RegistrationEngine as RegistrationEngine
    from .model.plan.plan import SharedCaPlan as SharedCaPlan
    from .model.plan.retiring import RetiringCa as RetiringCa
    from .model.plan.stage import CaStage as CaStage
    from .model.possession.grants import ForeignPolicy as ForeignPolicy
    from .model.possession.grants import Permission as Permission
    from .model.possession.verification import Verification as Verification
    from .model.stack_set.operation import StackSetOperation as StackSetOperation
    from .model.target import Target as Target

#: The public names, by the module that they live in. Everything else is the package's own, and may move.
_PUBLIC = {
    "": ("errors",),
    "constructs.alarms": ("CaExpiryAlarm", "FailedProvisioningAlarm"),
    "constructs.findings": ("acknowledge_findings",),
    "constructs.jitr": ("JitrActivation",),
    "constructs.pipeline": ("SharedCaPipelineStage",),
    "constructs.provisioning_template": ("IJitpProvisioningTemplate", "JitpProvisioningTemplate"),
    "constructs.registration": ("CaRegistration", "ICaRegistration"),
    "constructs.shared_ca": ("SharedCa",),
    "constructs.stack_set": ("SharedCaStackSet",),
    "errors": ("SharedCaError",),
    "model.assembly": ("RegistrationRecord", "read_registrations"),
    "model.ca.certificate": ("CaCertificate", "CertificateMode"),
    "model.jitp.simulation": ("Finding", "Provisioning", "Severity"),
    "model.jitp.template_body": ("JitpTemplateBody",),
    "model.jitr.admission": ("Admission", "ListedBy"),
    "model.jitr.enrollment": ("JitrEnrollment",),
    "model.jitr.settings": ("AdmissionSettings", "EnrollmentSettings"),
    "model.options": ("OnExisting", "RegistrationEngine"),
    "model.plan.plan": ("SharedCaPlan",),
    "model.plan.retiring": ("RetiringCa",),
    "model.plan.stage": ("CaStage",),
    "model.possession.grants": ("ForeignPolicy", "Permission"),
    "model.possession.verification": ("Verification",),
    "model.stack_set.operation": ("StackSetOperation",),
    "model.target": ("Target",),
}
_HOME = {name: home for home, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - the table's keys are text


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    if not home:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
