"""The `Verification` value: what it accepts, says and grants."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from iot_multiaccount_ca import CaCertificate, SharedCaError, Verification
from iot_multiaccount_ca import errors as causes
from iot_multiaccount_ca.errors import InvalidTypeError
from iot_multiaccount_ca.model.possession.grants import Permission
from iot_multiaccount_ca.model.target import Target
from support.certificates import (
    NOW,
    make_ca,
    make_device,
    make_verification_certificate,
    registration_code,
)

CA = make_ca()
CODE = registration_code()
SECRET = "arn:aws:secretsmanager:us-east-1:222222222222:secret:fleet/ca-AbCdEf"
KEY = "arn:aws:kms:us-east-1:222222222222:key/mrk-0123456789abcdef0123456789abcdef"
ALIAS = "arn:aws:kms:us-east-1:222222222222:alias/fleet-ca"
PCA = "arn:aws:acm-pca:us-east-1:222222222222:certificate-authority/11111111-2222-3333-4444-555555555555"
TOKEN = "${Token[TOKEN.42]}"


def pre_issued(*stages: str) -> Verification:
    return Verification.from_pre_issued({stage: make_verification_certificate(CA, CODE) for stage in stages})


# --- what it says to the Lambda and to the cloud assembly ----------------------------------------------------


@pytest.mark.parametrize(
    ("verification", "properties", "metadata"),
    [
        (
            Verification.from_secret("fleet/ca"),
            {"Type": "SECRET", "SecretId": "fleet/ca"},
            {"type": "SECRET", "secretId": "fleet/ca", "field": None},
        ),
        (
            Verification.from_secret(SECRET, field="key", encryption_key_arn=KEY),
            {"Type": "SECRET", "SecretId": SECRET, "Field": "key"},
            {"type": "SECRET", "secretId": SECRET, "field": "key"},
        ),
        (
            Verification.from_kms_key(KEY),
            {"Type": "KMS_KEY", "KeyArn": KEY},
            {"type": "KMS_KEY", "keyArn": KEY},
        ),
        (
            Verification.from_private_ca(PCA),
            {"Type": "PRIVATE_CA", "CertificateAuthorityArn": PCA},
            {"type": "PRIVATE_CA", "certificateAuthorityArn": PCA},
        ),
    ],
)
def test_it_says_what_the_lambda_needs(
    verification: Verification, properties: dict[str, str], metadata: dict[str, Any]
) -> None:
    """The properties and the metadata name the secret or key, whatever the stage; the Lambda signs."""
    assert verification.request_properties("prod") == properties
    assert verification.metadata("prod") == metadata
    assert verification.signs_in_lambda


def test_a_pre_issued_one_says_each_stages_certificate() -> None:
    """The certificate and its code go to the stage that they are for, and nothing signs in the Lambda."""
    codes = {name: registration_code(name) for name in ("prod", "prod-us")}
    pems = {name: make_verification_certificate(CA, code) for name, code in codes.items()}
    verification = Verification.from_pre_issued(pems)
    for name, code in codes.items():
        until = x509.load_pem_x509_certificate(pems[name].encode()).not_valid_after_utc
        expected = {
            "Type": "PRE_ISSUED",
            "CertificatePem": pems[name],
            "RegistrationCode": code,
            "NotValidAfter": until.isoformat(),
        }
        assert verification.request_properties(name) == expected
        assert verification.metadata(name) == {"type": "PRE_ISSUED", "registrationCode": code}
    assert not verification.signs_in_lambda


def test_a_registration_outside_a_plan_takes_the_only_one() -> None:
    """Without a stage one certificate is clear; of two, which is meant is not."""
    assert pre_issued("prod").request_properties(None)["RegistrationCode"] == CODE
    with pytest.raises(causes.PreIssuedStagesError, match="no stage"):
        pre_issued("prod", "prod-us").request_properties(None)
    with pytest.raises(causes.PreIssuedStagesError, match="for stage 'dev'"):
        pre_issued("prod").request_properties("dev")


def test_it_is_a_value() -> None:
    """Equal when made alike, and a key of dictionaries: the constructs grant each one once."""
    assert Verification.from_kms_key(KEY) == Verification.from_kms_key(KEY)
    issued = pre_issued("prod")
    again = Verification.from_pre_issued({"prod": issued.request_properties("prod")["CertificatePem"]})
    assert len({issued, again, Verification.from_secret("a")}) == 2


# --- what it grants ------------------------------------------------------------------------------------------


def grants(verification: Verification, **options: Any) -> list[Permission]:
    return list(verification.permissions(Target("aws", "333333333333", "eu-west-1"), **options))


def test_a_secrets_name_grants_that_name_here() -> None:
    """The stage's own account and region, and the six characters that Secrets Manager adds; no key."""
    assert grants(Verification.from_secret("fleet/ca")) == [
        Permission(
            ("secretsmanager:GetSecretValue",),
            ("arn:aws:secretsmanager:eu-west-1:333333333333:secret:fleet/ca-??????",),
        )
    ]


def test_a_secrets_arn_grants_only_itself() -> None:
    """And its key, for decryption through Secrets Manager in the secret's region."""
    read, decrypt = grants(Verification.from_secret(SECRET, encryption_key_arn=KEY))
    assert read == Permission(("secretsmanager:GetSecretValue",), (SECRET,))
    via = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    assert decrypt == Permission(("kms:Decrypt",), (KEY,), via)


def test_a_key_grants_signing_digests_with_its_algorithm() -> None:
    """kms:Sign on the one key, tied to the algorithm of the CA's key; GetPublicKey to compare it first."""
    p384 = CaCertificate.from_pem(make_ca("ec-p384").pem)
    sign, read = grants(Verification.from_kms_key(KEY), ca_certificate=p384)
    condition = {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_384", "kms:MessageType": "DIGEST"}}
    assert sign == Permission(("kms:Sign",), (KEY,), condition)
    assert read == Permission(("kms:GetPublicKey",), (KEY,))


def test_without_the_ca_only_the_four_algorithms_are_granted() -> None:
    """Those that fit some CA key; never PSS or another."""
    sign, _ = grants(Verification.from_kms_key(KEY))
    assert sign.conditions is not None
    assert sign.conditions["StringEquals"]["kms:SigningAlgorithm"] == [
        "RSASSA_PKCS1_V1_5_SHA_256",
        "ECDSA_SHA_256",
        "ECDSA_SHA_384",
        "ECDSA_SHA_512",
    ]


def test_a_private_ca_grants_end_entities_only() -> None:
    """IssueCertificate with the end-entity template: no role can have it issue a CA."""
    issue, read = grants(Verification.from_private_ca(PCA))
    template = "arn:aws:acm-pca:::template/EndEntityCertificate/V1"
    condition = {"StringEquals": {"acm-pca:TemplateArn": template}}
    assert issue == Permission(("acm-pca:IssueCertificate",), (PCA,), condition)
    assert read.resources == (PCA,)
    assert not any(action.endswith("*") for action in read.actions)


def test_pre_issued_grants_nothing() -> None:
    """Nobody in any account may sign with the CA's key."""
    assert grants(pre_issued("prod")) == []


def test_partitions_are_kept() -> None:
    """In China and GovCloud the ARNs are theirs; in China a service's name ends in either of two ways."""
    name = Verification.from_secret("a", encryption_key_arn=KEY.replace("arn:aws:", "arn:aws-cn:"))
    read, decrypt = name.permissions(Target("aws-cn", "333333333333", "cn-north-1"))
    assert read.resources == ("arn:aws-cn:secretsmanager:cn-north-1:333333333333:secret:a-??????",)
    assert decrypt.conditions is not None
    assert decrypt.conditions["StringEquals"]["kms:ViaService"] == [
        "secretsmanager.cn-north-1.amazonaws.com",
        "secretsmanager.cn-north-1.amazonaws.com.cn",
    ]
    pca = Verification.from_private_ca(PCA.replace("arn:aws:", "arn:aws-us-gov:"))
    issue = pca.permissions(Target("aws-us-gov", "222222222222", "us-gov-west-1"))[0]
    assert issue.conditions is not None
    template = issue.conditions["StringEquals"]["acm-pca:TemplateArn"]
    assert template == "arn:aws-us-gov:acm-pca:::template/EndEntityCertificate/V1"


# --- what the other account must add -------------------------------------------------------------------------


def test_nothing_foreign_asks_for_nothing() -> None:
    """A name, pre-issued certificates, or things of the stage's own account."""
    for verification in (
        Verification.from_secret("a"),
        pre_issued("prod"),
        Verification.from_kms_key(KEY),
        Verification.from_private_ca(PCA),
        Verification.from_secret(SECRET, encryption_key_arn=KEY),
    ):
        assert verification.foreign_policies("222222222222") == ()


def test_a_foreign_key_wants_two_statements() -> None:
    """The account may sign digests and read the public key, narrowed to a role's pattern where there is one."""
    pattern = "arn:aws:iam::333333333333:role/FleetCa-prod-*"
    verification = Verification.from_kms_key(KEY)
    (policy,) = verification.foreign_policies(
        "333333333333", role_pattern=pattern, ca_certificate=CaCertificate.from_pem(CA.pem)
    )
    sign, read = policy.document["Statement"]
    assert policy.resource_arn == KEY
    assert sign["Principal"] == read["Principal"] == {"AWS": "arn:aws:iam::333333333333:root"}
    assert (sign["Action"], read["Action"]) == ("kms:Sign", "kms:GetPublicKey")
    assert sign["Condition"] == {
        "StringEquals": {"kms:SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256", "kms:MessageType": "DIGEST"},
        "ArnLike": {"aws:PrincipalArn": pattern},
    }
    assert json.loads(policy.to_json()) == policy.document


def test_a_foreign_secret_wants_its_policy_and_its_keys() -> None:
    """Reading the secret, and decrypting through Secrets Manager only."""
    secret, key = Verification.from_secret(SECRET, encryption_key_arn=KEY).foreign_policies("333333333333")
    assert (secret.resource_arn, key.resource_arn) == (SECRET, KEY)
    (read,), (decrypt,) = secret.document["Statement"], key.document["Statement"]
    assert read["Action"] == "secretsmanager:GetSecretValue"
    assert decrypt["Action"] == "kms:Decrypt"
    assert decrypt["Condition"]["StringEquals"] == {
        "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"
    }


def test_the_foreign_key_of_an_own_secret_wants_its_statement() -> None:
    """The secret is the stage's own, and its key another account's: that account has to let it decrypt."""
    (policy,) = Verification.from_secret("fleet/ca", encryption_key_arn=KEY).foreign_policies("333333333333")
    (decrypt,) = policy.document["Statement"]
    assert policy.resource_arn == KEY
    assert decrypt["Action"] == "kms:Decrypt"
    assert decrypt["Condition"]["StringEquals"] == {
        "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"
    }


def test_a_foreign_private_ca_wants_the_prescribed_two_statements() -> None:
    """One to read, one to issue end-entity certificates, both on the private CA's own ARN."""
    (policy,) = Verification.from_private_ca(PCA).foreign_policies("333333333333")
    read, issue = policy.document["Statement"]
    assert {each["Resource"] for each in (read, issue)} == {PCA}
    assert issue["Condition"]["StringEquals"]["acm-pca:TemplateArn"].endswith("EndEntityCertificate/V1")


@pytest.mark.parametrize(
    "verification",
    [
        Verification.from_kms_key(KEY),
        Verification.from_secret(SECRET, encryption_key_arn=KEY),
        Verification.from_private_ca(PCA),
    ],
    ids=lambda each: str(each.kind),
)
def test_a_policy_is_called_what_a_sentence_can_go_on_with(verification: Verification) -> None:
    """Add this to the "key policy": it has no article of its own."""
    policies = verification.foreign_policies("333333333333")
    assert {each.kind for each in policies} <= {"key policy", "resource policy"}


# --- what it refuses -----------------------------------------------------------------------------------------

BAD: dict[str, tuple[Any, type[SharedCaError], str]] = {
    "secret: key ARN": (
        lambda: Verification.from_secret(KEY),
        causes.WrongArnError,
        "something else than a secret",
    ),
    "secret: half an ARN": (
        lambda: Verification.from_secret(SECRET[:-7]),
        causes.PartialSecretArnError,
        "six characters",
    ),
    "secret: torn ARN": (
        lambda: Verification.from_secret("arn:aws:secretsmanager"),
        causes.WrongArnError,
        "is not an ARN",
    ),
    "secret: odd name": (
        lambda: Verification.from_secret("a b*"),
        causes.InvalidSecretNameError,
        "this name",
    ),
    "secret: empty": (lambda: Verification.from_secret(""), causes.InvalidSecretNameError, "this name"),
    "secret: token": (
        lambda: Verification.from_secret(TOKEN),
        causes.UnresolvedVerificationError,
        "at deployment",
    ),
    "secret: no text": (lambda: Verification.from_secret(None), causes.WrongArnError, "is not text"),  # type: ignore[arg-type]
    "secret: the key": (
        lambda: Verification.from_secret(CA.key_pem),
        causes.KeyMaterialGivenError,
        "as exposed",
    ),
    "field: empty": (
        lambda: Verification.from_secret("a", field=" "),
        causes.InvalidSecretFieldError,
        "is not a name",
    ),
    "field: the key": (
        lambda: Verification.from_secret("a", field=CA.key_pem),
        causes.KeyMaterialGivenError,
        "out of the app",
    ),
    "encryption key: alias": (
        lambda: Verification.from_secret("a", encryption_key_arn=ALIAS),
        causes.WrongArnError,
        "alias",
    ),
    "kms: alias": (lambda: Verification.from_kms_key(ALIAS), causes.WrongArnError, "describe-key"),
    "kms: id": (lambda: Verification.from_kms_key("1234"), causes.WrongArnError, "is not an ARN"),
    "kms: secret": (lambda: Verification.from_kms_key(SECRET), causes.WrongArnError, "something else"),
    "kms: token": (lambda: Verification.from_kms_key(TOKEN), causes.UnresolvedVerificationError, "literal"),
    "pca: key": (lambda: Verification.from_private_ca(KEY), causes.WrongArnError, "something else"),
    "pca: token": (
        lambda: Verification.from_private_ca(TOKEN),
        causes.UnresolvedVerificationError,
        "literal",
    ),
    "pre-issued: nothing": (
        lambda: Verification.from_pre_issued({}),
        causes.PreIssuedStagesError,
        "is given",
    ),
    "pre-issued: a text": (
        lambda: Verification.from_pre_issued("x"),  # type: ignore[arg-type]
        causes.PreIssuedStagesError,
        "is given",
    ),
    "pre-issued: no file": (
        lambda: Verification.from_pre_issued({"prod": "nowhere.pem"}),
        causes.UnreadablePreIssuedError,
        "No such file",
    ),
    "pre-issued: no text": (lambda: Verification.from_pre_issued({"prod": 7}), InvalidTypeError, "neither"),  # type: ignore[dict-item]
    "pre-issued: a key": (
        lambda: Verification.from_pre_issued({"prod": CA.key_pem}),
        causes.KeyMaterialGivenError,
        "private key",
    ),
    "pre-issued: rubbish": (
        lambda: Verification.from_pre_issued(
            {"prod": "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----"}
        ),
        causes.UnreadablePreIssuedError,
        "does not parse",
    ),
    "pre-issued: a chain": (
        lambda: Verification.from_pre_issued({"prod": make_verification_certificate(CA, CODE) + CA.pem}),
        causes.UnreadablePreIssuedError,
        "comes with 1 more",
    ),
    "pre-issued: a device": (
        lambda: Verification.from_pre_issued({"prod": make_device(CA, "device-1").pem}),
        causes.PreIssuedCommonNameError,
        "64 hex digits",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_sentence(case: str) -> None:
    """Each cause has a class of its own and says what is allowed."""
    make, cause, says = BAD[case]
    with pytest.raises(cause, match=says):
        make()


@pytest.mark.parametrize("case", [case for case in BAD if "key" in case])
def test_a_key_that_was_given_by_mistake_is_not_repeated(case: str) -> None:
    """Neither in the message nor in the error's fields, nor in what it came from."""
    with pytest.raises(SharedCaError) as caught:
        BAD[case][0]()
    secret = CA.key_pem.splitlines()[3]
    error: BaseException | None = caught.value
    while error is not None:
        assert secret not in f"{error!s} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__


_DER = base64.b64decode("".join(CA.key_pem.splitlines()[1:-1]))
#: A key as people carry it where no file can go.
KEY_TEXTS = {
    "PEM": CA.key_pem,
    "PEM without its first and last line": "\n".join(CA.key_pem.splitlines()[1:-1]),
    "base64": base64.b64encode(_DER).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(_DER).decode(),
    "hex": _DER.hex(),
    "JSON": json.dumps({"key": base64.b64encode(_DER).decode()}),
    "in an ARN": f"arn:aws:kms:eu-west-1:111111111111:key/{base64.b64encode(_DER).decode()}",
}
#: Every argument that takes a name, an ARN or a path of the key's side.
KEY_ARGUMENTS: dict[str, Callable[[str], object]] = {
    "from_secret": Verification.from_secret,
    "from_secret, field": lambda text: Verification.from_secret("a", field=text),
    "from_secret, encryption_key_arn": lambda text: Verification.from_secret("a", encryption_key_arn=text),
    "from_kms_key": Verification.from_kms_key,
    "from_private_ca": Verification.from_private_ca,
    "from_pre_issued, path": lambda text: Verification.from_pre_issued({"prod": text}),
    "from_pre_issued, stage": lambda text: Verification.from_pre_issued({text: "prod.pem"}),
}


@pytest.mark.parametrize("form", KEY_TEXTS)
@pytest.mark.parametrize("argument", KEY_ARGUMENTS)
def test_a_key_is_refused_wherever_a_name_belongs(argument: str, form: str) -> None:
    """It would end up in cdk.out: with or without its armour it is told, and nothing of it is repeated."""
    with pytest.raises(causes.KeyMaterialGivenError) as caught:
        KEY_ARGUMENTS[argument](KEY_TEXTS[form])
    told = f"{caught.value!s} {vars(caught.value)} {caught.value.__context__!r}"
    pieces = [KEY_TEXTS[form][at : at + 24] for at in range(60, len(KEY_TEXTS[form]) - 60, 24)]
    assert [piece for piece in pieces if piece in told] == []


def test_what_is_no_mapping_is_not_shown() -> None:
    """A list of certificates, or of a key, is named by its type."""
    with pytest.raises(causes.PreIssuedStagesError, match="got 'list'"):
        Verification.from_pre_issued([CA.key_pem])  # type: ignore[arg-type]


def test_a_file_and_its_text_are_the_same(tmp_path: Path) -> None:
    """PEM text, a path as text, and a Path."""
    pem = make_verification_certificate(CA, CODE)
    path = tmp_path / "prod.verification.pem"
    path.write_text("words before it\n" + pem)
    values = [Verification.from_pre_issued({"prod": value}) for value in (pem, str(path), path)]
    assert values[0] == values[1] == values[2]


# --- what it checks against plan and stage -------------------------------------------------------------------


def test_pre_issued_fits_the_default_stages_exactly() -> None:
    """One for every DEFAULT stage, none for others; the other kinds have nothing to check."""
    ca = CaCertificate.from_pem(CA.pem)
    pre_issued("prod", "prod-us").check_pre_issued(ca, ["prod-us", "prod"])
    Verification.from_secret("a").check_pre_issued(ca, ["prod"])
    with pytest.raises(causes.PreIssuedStagesError, match="for the DEFAULT stage 'prod-us'"):
        pre_issued("prod").check_pre_issued(ca, ["prod", "prod-us"])
    with pytest.raises(causes.PreIssuedStagesError, match="'dev', which is not a DEFAULT stage"):
        pre_issued("prod", "dev").check_pre_issued(ca, ["prod"])


@pytest.mark.parametrize(
    "other", [make_ca(common_name="Someone else"), make_ca(key_name="another"), make_ca("ec-p256")]
)
def test_pre_issued_is_signed_by_the_plans_ca(other: Any) -> None:
    """Another issuer, another key under the same name, another kind of key."""
    with pytest.raises(causes.PreIssuedSignatureError, match="not signed by the plan's CA"):
        pre_issued("prod").check_pre_issued(CaCertificate.from_pem(other.pem), ["prod"])


def test_pre_issued_is_valid_in_time() -> None:
    """A sentence with the code to sign anew; as an error only when a time is given, so that an old plan loads."""
    start, end = NOW, NOW + dt.timedelta(days=1)
    pem = make_verification_certificate(CA, CODE, not_before=start, not_after=end)
    verification = Verification.from_pre_issued({"prod": pem})
    ca = CaCertificate.from_pem(CA.pem)
    verification.check_pre_issued(ca, ["prod"], now=start)
    assert verification.pre_issued_problem("prod", now=start) is None
    for moment, says in ((start - dt.timedelta(seconds=1), "is not valid yet"), (end, "has expired")):
        verification.check_pre_issued(ca, ["prod"])
        problem = verification.pre_issued_problem("prod", now=moment)
        assert problem is not None
        assert says in problem
        assert CODE in problem
        with pytest.raises(causes.PreIssuedValidityError, match=says):
            verification.check_pre_issued(ca, ["prod"], now=moment)


def test_another_partition_is_out_of_reach() -> None:
    """No role of aws reaches a key of aws-cn."""
    verification = Verification.from_kms_key(KEY.replace("arn:aws:", "arn:aws-cn:"))
    with pytest.raises(causes.ForeignPartitionError, match="partition aws-cn"):
        verification.check_target(Target("aws", "333333333333", "eu-west-1"))


def test_a_foreign_secret_needs_its_key() -> None:
    """The default key never serves another account: said at synth, not after minutes of deployment."""
    verification = Verification.from_secret(SECRET)
    verification.check_target(Target("aws", "222222222222", "us-east-1"))
    with pytest.raises(causes.ForeignSecretError, match="encryption_key_arn"):
        verification.check_target(Target("aws", "333333333333", "us-east-1"))
