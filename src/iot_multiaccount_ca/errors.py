"""Every error that bad input raises. Builds messages, and never decides anything.

All are `ValueError`\\ s under `SharedCaError`, one class per cause, so that a caller can tell causes apart and
still catch them together. A message says what is wrong, the value got, the values allowed and the fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_LONGEST_VALUE = 120


class SharedCaError(ValueError):
    """Base of every error raised for bad input.

    ``problem`` is the sentence; ``value`` what was given, ``allowed`` what may be given, ``fix`` what to change.
    Never pass key material as ``value``.
    """

    def __init__(
        self, problem: str, *, value: object = None, allowed: str | None = None, fix: str | None = None
    ) -> None:
        parts = [problem]
        if value is not None:
            shown = repr(value)
            parts.append(f"got {shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + '…'}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        if fix is not None:
            parts.append(f"fix: {fix}")
        super().__init__("; ".join(parts))
        self.problem = problem
        self.value = value
        self.allowed = allowed
        self.fix = fix

    @classmethod
    def of(cls, error: SharedCaError) -> Self:
        """The same message as an error of this class, for a cause that the caller knows better."""
        return cls(error.problem, value=error.value, allowed=error.allowed, fix=error.fix)


# --- JSON from outside --------------------------------------------------------------------------------------


class JsonError(SharedCaError):
    """JSON text that is not taken as it stands."""


class UnreadableJsonError(JsonError):
    """A file that cannot be read, or text that is no JSON."""


class JsonEncodingError(JsonError):
    """Text that is not UTF-8, or begins with a byte order mark."""


class DuplicateJsonKeyError(JsonError):
    """An object with one key twice, of which the last would silently count."""


class JsonNumberError(JsonError):
    """NaN, Infinity, or a number too large to be told from it: JSON has none of them."""


class JsonTooDeepError(JsonError):
    """Objects and lists nested deeper than anything meant to be read."""


# --- the CA certificate -------------------------------------------------------------------------------------


class CaCertificateError(SharedCaError):
    """A CA certificate that AWS IoT would not take."""


class UnreadableCertificateError(CaCertificateError):
    """The text or file holds no PEM certificate that parses."""


class PrivateKeyGivenError(CaCertificateError):
    """A private key stands where a certificate belongs."""


class CertificateChainError(CaCertificateError):
    """More than one certificate: which of them signs the devices cannot be guessed."""


class NotACaCertificateError(CaCertificateError):
    """basicConstraints is missing, or says CA:FALSE."""


class MissingKeyCertSignError(CaCertificateError):
    """A keyUsage extension that does not allow signing certificates."""


class UnsupportedKeyError(CaCertificateError):
    """A key that AWS IoT does not take: RSA below 2048 bits, another curve, Ed25519."""


class UnsupportedSignatureError(CaCertificateError):
    """A signature algorithm that AWS IoT does not take, such as SHA-1."""


# --- stages and the plan ------------------------------------------------------------------------------------


class StageError(SharedCaError):
    """A stage that cannot be."""


class InvalidStageNameError(StageError):
    """A stage name outside ``[A-Za-z][A-Za-z0-9-]{0,30}``."""


class InvalidAccountError(StageError):
    """An account that is not a literal string of 12 digits."""


class UnresolvedAccountError(InvalidAccountError):
    """An account or region that CDK only knows at deployment (a Token)."""


class InvalidRegionError(StageError):
    """A region that does not look like one."""


class InvalidCertificateModeError(SharedCaError):
    """A certificate mode that is neither DEFAULT nor SNI_ONLY."""


class InvalidTypeError(SharedCaError):
    """An argument of another kind than the one that belongs there."""


class InvalidFlagError(InvalidTypeError):
    """A flag that is neither True nor False, such as the text "false", which counts as true."""


class PlanError(SharedCaError):
    """Stages that cannot stand beside each other."""


class EmptyPlanError(PlanError):
    """A plan without stages."""


class DuplicateStageNameError(PlanError):
    """Two stages of one name (upper and lower case are the same)."""


class DuplicateTargetError(PlanError):
    """Two stages for one account and region."""


class MultipleDefaultOwnersError(PlanError):
    """Two accounts that would hold one CA in DEFAULT mode in one region."""


class UnknownOwnerAccountError(PlanError):
    """``owner_account`` is the account of no stage."""


class MissingVerificationError(PlanError):
    """A DEFAULT stage without a way to prove possession of the CA key."""


class UnknownStageError(PlanError):
    """A stage name that the plan does not have."""


class DuplicateCaError(PlanError):
    """One CA twice in a plan: current and retiring, or retiring twice."""


class TooManyCasError(PlanError):
    """More CAs of one subject than AWS IoT registers in an account."""


class InvalidRemovalPolicyError(PlanError):
    """A removal policy that a CA registration cannot have."""


class InvalidNameError(SharedCaError):
    """A name that AWS would refuse, such as a stack name prefix."""


# --- proof of possession ------------------------------------------------------------------------------------


class VerificationError(SharedCaError):
    """A way of proving possession that cannot work."""


class UnresolvedVerificationError(VerificationError):
    """A name or ARN that CDK only knows at deployment (a Token)."""


class WrongArnError(VerificationError):
    """An ARN of another kind than the one that belongs there, or no ARN at all."""


class PartialSecretArnError(WrongArnError):
    """The ARN of a secret without the six characters that Secrets Manager adds to it."""


class InvalidSecretNameError(VerificationError):
    """A secret's name that Secrets Manager would refuse."""


class InvalidSecretFieldError(VerificationError):
    """A field name that can be no key of the secret's JSON."""


class KeyMaterialGivenError(VerificationError):
    """A private key stands where its name, its ARN or a certificate belongs. Nothing of it is repeated."""


class ForeignSecretError(VerificationError):
    """A secret of another account that this stage could never read."""


class ForeignPartitionError(VerificationError):
    """A secret, key or private CA in another partition, which no role of the stage can reach."""


class PreIssuedError(VerificationError):
    """A pre-issued verification certificate that does not fit the plan."""


class UnreadablePreIssuedError(PreIssuedError):
    """A pre-issued verification certificate that cannot be read, or is not one certificate in PEM."""


class PreIssuedSignatureError(PreIssuedError):
    """A pre-issued verification certificate that another CA signed."""


class PreIssuedCommonNameError(PreIssuedError):
    """A pre-issued verification certificate whose common name is no registration code."""


class PreIssuedStagesError(PreIssuedError):
    """A DEFAULT stage without a pre-issued verification certificate, or one for a stage that needs none."""


class PreIssuedValidityError(PreIssuedError):
    """A pre-issued verification certificate that has expired, or is not valid yet."""


# --- the JITP template --------------------------------------------------------------------------------------


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


class UnknownParameterError(ProvisioningTemplateError):
    """A declared parameter that JITP does not fill."""


class UndeclaredReferenceError(ProvisioningTemplateError):
    """A Ref (or ``${…}`` in Fn::Sub, or a map in Fn::FindInMap) to what the template does not declare."""


class UnknownFunctionError(ProvisioningTemplateError):
    """A function that provisioning templates do not have, or one with wrong arguments."""


class UnknownResourceTypeError(ProvisioningTemplateError):
    """A resource that is no thing, certificate or policy."""


class CertificateResourceError(ProvisioningTemplateError):
    """No certificate resource, two, or one of another certificate than the device's."""


class MultipleThingsError(ProvisioningTemplateError):
    """More than one thing resource."""


class PolicySourceError(ProvisioningTemplateError):
    """A policy resource with both or neither of PolicyName and PolicyDocument."""


class PolicyDocumentError(ProvisioningTemplateError):
    """A PolicyDocument that is no JSON string of a policy."""


class OverrideSettingsError(ProvisioningTemplateError):
    """An override setting that provisioning templates do not have."""


# --- just-in-time registration ------------------------------------------------------------------------------


class EnrollmentError(SharedCaError):
    """A just-in-time registration that could admit no device as meant."""


class AllowListError(EnrollmentError):
    """A list of admitted certificates that cannot be looked up."""


class SubjectRuleError(EnrollmentError):
    """A rule on the subject that no certificate can be held against."""


class EnrollmentWindowError(EnrollmentError):
    """An enrollment window that is none, or that stands alone: it says when, and not who."""


class EnrollmentPolicyError(EnrollmentError):
    """What an admitted device may do is neither a policy's name nor a policy document."""


class EnrollmentThingError(EnrollmentError):
    """A thing's name, type or group that AWS IoT would refuse, or one thing for every device."""


class EnrollmentTooLongError(EnrollmentError):
    """Rules of admission that do not fit into the Lambda's environment."""


# --- constructs ---------------------------------------------------------------------------------------------


class ConstructError(SharedCaError):
    """A construct in a place, or with properties, that cannot work."""


class EnvironmentAgnosticError(ConstructError):
    """A stack whose account or region CDK only knows at deployment."""


class DuplicateRegistrationError(ConstructError):
    """One CA registered twice in one account and region, anywhere in the app."""


class DuplicateStackNameError(ConstructError):
    """Two stacks of one name in one account and region."""


class EnvironmentMismatchError(ConstructError):
    """A stack of another account or region than the stage's."""


class ProvisioningConflictError(ConstructError):
    """Provisioning settings that exclude each other, such as JITP and JITR on one CA."""


class UnsupportedTargetError(ConstructError):
    """A target of the JITR event that no topic rule can have."""


class UnsupportedByEngineError(ConstructError):
    """A registration that asks for more than its engine can do."""


class AssemblyError(SharedCaError):
    """A cloud assembly that cannot be read."""
