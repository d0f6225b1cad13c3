"""What devices are provisioned with: JITP templates, and settings that exclude each other."""

from __future__ import annotations

from .base import SharedCaError


class ProvisioningTemplateError(SharedCaError):
    """A JITP template body that AWS IoT would refuse, or that could provision no device."""


class TemplateNotJsonError(ProvisioningTemplateError):
    """The body is not a JSON object."""


class UnknownPlaceholderError(ProvisioningTemplateError):
    """A ``{{…}}`` other than account, region and partition."""


class TemplateTooLongError(ProvisioningTemplateError):
    """A body of more than 10,240 characters."""


class UnknownSectionError(ProvisioningTemplateError):
    """A section or property that JITP templates do not have."""


class TemplateSectionError(ProvisioningTemplateError):
    """A section that is not a JSON object."""


class UnknownParameterError(ProvisioningTemplateError):
    """A declared parameter that JITP does not fill."""


class UndeclaredReferenceError(ProvisioningTemplateError):
    """A Ref (or ``${…}`` in Fn::Sub, or a map in Fn::FindInMap) to what the template does not declare."""


class UnknownFunctionError(ProvisioningTemplateError):
    """A function that provisioning templates do not have, or one with wrong arguments."""


class UnknownResourceTypeError(ProvisioningTemplateError):
    """A resource that is not a thing, certificate or policy."""


class CertificateResourceError(ProvisioningTemplateError):
    """No certificate resource, two, or one of another certificate than the device's."""


class MissingThingNameError(ProvisioningTemplateError):
    """A thing resource without a name."""


class MultipleThingsError(ProvisioningTemplateError):
    """More than one thing resource."""


class PolicySourceError(ProvisioningTemplateError):
    """A policy resource with both or neither of PolicyName and PolicyDocument."""


class PolicyDocumentError(ProvisioningTemplateError):
    """A PolicyDocument that is not a JSON string of a policy."""


class ImpossibleValueError(ProvisioningTemplateError):
    """A name, attribute, group, type or policy name that AWS IoT refuses, whatever the device's certificate."""


class OverrideSettingsError(ProvisioningTemplateError):
    """An override setting that provisioning templates do not have."""


class UnreadableDeviceCertificateError(SharedCaError):
    """The text or file holds no device certificate that parses."""


class NotADeviceCertificateError(SharedCaError):
    """Something else than a certificate, such as a key or a signing request."""


class ProvisioningConflictError(SharedCaError):
    """Ways of enrolling the devices of one CA that exclude each other."""


class RivalEnrollmentsError(ProvisioningConflictError):
    """Two that would each act on a device's first connect: JITP and JITR, or two activations."""


class AutoRegistrationOffError(ProvisioningConflictError):
    """Devices are to be enrolled, and auto-registration, which has to make them known, is off."""
