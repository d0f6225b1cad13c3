"""Every error that this package raises for bad input, to be caught by cause, by kind, or all together.

Each is a `ValueError`; its message says what is wrong, the value got, the values allowed and the fix, and it carries
them as ``problem``, ``value``, ``allowed`` and ``fix``. The tree::

    SharedCaError
        AdoptionNotAllowedError
        AssemblyError
        CaCertificateError
            CertificateChainError
            MissingKeyCertSignError
            NotACaCertificateError
            PrivateKeyGivenError
            UnreadableCertificateError
            UnsupportedKeyError
            UnsupportedSignatureError
        ConstructError
            DuplicateRegistrationError
            DuplicateStackNameError
            EnvironmentAgnosticError
            EnvironmentMismatchError
            ExclusiveArgumentsError
            RemovalPolicyConflictError
            SharedFunctionError
            UnknownLookupRoleError
            UnsupportedCdkError
            UnsupportedTargetError
            UnusedArgumentError
        EnrollmentError
            AllowListError
            EnrollmentPolicyError
            EnrollmentThingError
            EnrollmentTooLongError
            EnrollmentWindowError
            SubjectRuleError
            UnresolvedEnrollmentError
        ForeignAdoptionError
        InvalidCertificateModeError
        InvalidEngineError
        InvalidNameError
        InvalidNumberError
        InvalidOnExistingError
        InvalidRemovalPolicyError
        InvalidTypeError
            InvalidFlagError
        JsonError
            DuplicateJsonKeyError
            JsonEncodingError
            JsonNumberError
            JsonTooDeepError
            UnreadableJsonError
        NotADeviceCertificateError
        PlanError
            DuplicateCaError
            DuplicateStageNameError
            DuplicateTargetError
            EmptyPlanError
            MultipleDefaultOwnersError
            TooManyCasError
            UnknownOwnerAccountError
            UnknownStageError
        ProvisioningConflictError
            AutoRegistrationOffError
            RivalEnrollmentsError
        ProvisioningTemplateError
            CertificateResourceError
            ImpossibleValueError
            MissingThingNameError
            MultipleThingsError
            OverrideSettingsError
            PolicyDocumentError
            PolicySourceError
            TemplateNotJsonError
            TemplateSectionError
            TemplateTooLongError
            UndeclaredReferenceError
            UnknownFunctionError
            UnknownParameterError
            UnknownPlaceholderError
            UnknownResourceTypeError
            UnknownSectionError
        StackSetError
            InvalidOrganizationalUnitError
            InvalidReaderError
            StackSetAccountsError
            StackSetBodyTooLongError
            StackSetOperationError
            StackSetRegionsError
            TooManyTargetsError
            UnsupportedInSetError
        StageError
            EmptyGridError
            InvalidAccountError
            InvalidRegionError
            InvalidStageNameError
            UnresolvedTargetError
        ToolError
            AccountsFileError
            CaKeyError
            CreateCaError
            EmulatorVersionError
            ImportMapError
            MalformedTargetError
            NoTerminalError
            NothingToAskError
            OutputExistsError
            Pkcs11Error
            RegistrationCodeError
            RehearsalError
            RequestFileError
            SigningError
            WrongOptionsError
        UnreadableDeviceCertificateError
        UnsupportedByEngineError
        VerificationError
            ForeignPartitionError
            ForeignSecretError
            InvalidSecretFieldError
            InvalidSecretNameError
            KeyMaterialGivenError
            MissingVerificationError
            PreIssuedError
                PreIssuedCommonNameError
                PreIssuedSignatureError
                PreIssuedStagesError
                PreIssuedValidityError
                UnreadablePreIssuedError
            UnknownProofError
            UnresolvedVerificationError
            UnusedVerificationError
            WrongArnError
                PartialSecretArnError
"""

# ruff: noqa: F403 - the tree above lists the names, and a test holds it
from .base import *
from .ca import *
from .constructs import *
from .jitr import *
from .json import *
from .plan import *
from .possession import *
from .provisioning import *
from .stack_set import *
from .tools import *
