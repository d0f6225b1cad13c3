"""Register one device CA in many AWS accounts, as CDK constructs.

Importing this package imports neither ``aws_cdk`` nor the model: names are loaded when they are asked for, so that
the command line and plain checks of a plan start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .constructs.alarms import CaExpiryAlarm, FailedProvisioningAlarm
    from .constructs.findings import acknowledge_findings
    from .constructs.jitr import JitrActivation
    from .constructs.pipeline import SharedCaPipelineStage
    from .constructs.provisioning_template import IJitpProvisioningTemplate, JitpProvisioningTemplate
    from .constructs.registration import CaRegistration, ICaRegistration
    from .constructs.shared_ca import SharedCa
    from .errors import SharedCaError
    from .model.ca.certificate import CaCertificate, CertificateMode
    from .model.jitp.template_body import JitpTemplateBody
    from .model.jitr.admission import Admission
    from .model.jitr.enrollment import JitrEnrollment
    from .model.options import OnExisting
    from .model.plan.plan import SharedCaPlan
    from .model.plan.retiring import RetiringCa
    from .model.plan.stage import CaStage
    from .model.possession.verification import Verification

_HOME = {
    "Admission": "model.jitr.admission",
    "CaCertificate": "model.ca.certificate",
    "CaExpiryAlarm": "constructs.alarms",
    "CaRegistration": "constructs.registration",
    "CaStage": "model.plan.stage",
    "CertificateMode": "model.ca.certificate",
    "FailedProvisioningAlarm": "constructs.alarms",
    "ICaRegistration": "constructs.registration",
    "IJitpProvisioningTemplate": "constructs.provisioning_template",
    "JitpProvisioningTemplate": "constructs.provisioning_template",
    "JitpTemplateBody": "model.jitp.template_body",
    "JitrActivation": "constructs.jitr",
    "JitrEnrollment": "model.jitr.enrollment",
    "OnExisting": "model.options",
    "RetiringCa": "model.plan.retiring",
    "SharedCa": "constructs.shared_ca",
    "SharedCaError": "errors",
    "SharedCaPipelineStage": "constructs.pipeline",
    "SharedCaPlan": "model.plan.plan",
    "Verification": "model.possession.verification",
    "acknowledge_findings": "constructs.findings",
}

__all__ = [
    "Admission",
    "CaCertificate",
    "CaExpiryAlarm",
    "CaRegistration",
    "CaStage",
    "CertificateMode",
    "FailedProvisioningAlarm",
    "ICaRegistration",
    "IJitpProvisioningTemplate",
    "JitpProvisioningTemplate",
    "JitpTemplateBody",
    "JitrActivation",
    "JitrEnrollment",
    "OnExisting",
    "RetiringCa",
    "SharedCa",
    "SharedCaError",
    "SharedCaPipelineStage",
    "SharedCaPlan",
    "Verification",
    "__version__",
    "acknowledge_findings",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
