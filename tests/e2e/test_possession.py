"""Proof of possession by the real CDK CLI under IAM enforcement: keys that never leave KMS, signatures made offline.

Private CA and keys of another account are not here: the local AWS has neither (docs/local-aws.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_registrar.possession.signing.remote_key import remote_key
from support.certificates import (
    NOW,
    certificate_id,
    make_ca,
    make_name,
    make_verification_certificate,
    usage,
)
from support.deployments import ACCOUNTS, REGIONS

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws
    from support.certificates import Authority
    from support.deployments import Deployments

ONE, TWO, THREE = ACCOUNTS
REGION = REGIONS[0]
_ALGORITHMS = {"RSA_2048": "RSASSA_PKCS1_V1_5_SHA_256", "ECC_NIST_P256": "ECDSA_SHA_256"}
_APP = """
import json, os
from aws_cdk import App, Environment, Stack
from iot_multiaccount_ca import (
    CaCertificate, CaRegistration, CaStage, CertificateMode, SharedCa, SharedCaPlan, Verification)

asked = json.loads(os.environ["ASKED"])
app = App(outdir=os.environ["CDK_OUTDIR"])
for name, by_key in asked.get("stacks", {}).items():
    stack = Stack(app, name, env=Environment(account=asked["account"], region="eu-west-1"))
    for number, (pem, key_arn) in enumerate(by_key):
        CaRegistration(
            stack,
            f"Ca{number}",
            ca_certificate=CaCertificate.from_pem(pem),
            certificate_mode=CertificateMode.DEFAULT,
            verification=Verification.from_kms_key(key_arn),
        )
for name, (pem, account, issued) in asked.get("plans", {}).items():
    plan = SharedCaPlan(
        ca_certificate=CaCertificate.from_pem(pem),
        owner_account=account,
        verification=Verification.from_pre_issued({"owner": issued}),
        stages=[CaStage("owner", account=account, region="eu-west-1")],
    )
    SharedCa(app, name, plan=plan)
app.synth()
"""


def _key(aws: LocalAws, spec: str) -> tuple[str, Any]:
    """A key in KMS: its ARN, and an object that signs with it there."""
    kms = aws.client("kms", account=ONE, region=REGION)
    arn = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(public, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey))

    def sign(digest: bytes, _: str) -> bytes:
        algorithm = _ALGORITHMS[spec]
        answer = kms.sign(KeyId=arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
        signature: bytes = answer["Signature"]
        return signature

    return arn, remote_key(public, sign)


def _ca_of(key: Any, name: str) -> tuple[str, str]:
    """A CA whose key is elsewhere: its PEM, and its id."""
    subject = make_name(name, {})
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW.replace(year=NOW.year + 5))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), certificate_id(certificate)


def _asked(**asked: Any) -> dict[str, str]:
    return {"ASKED": json.dumps({"account": ONE, **asked})}


def _iot_ca(aws: LocalAws, *arguments: str) -> str:
    """The CLI, as somebody in the first account."""
    command = [str(Path(sys.executable).with_name("iot-ca")), *arguments]
    environment = aws.environment(ONE, REGION)
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def _signed_offline(aws: LocalAws, ca: Authority, account: str, folder: Path) -> str:
    """Ask for the code, sign it where the key is, bring back the certificate: as docs/possession.md has it."""
    certificate, key, request = folder / "ca.pem", folder / "ca.key", folder / "request.json"
    certificate.write_text(ca.pem, encoding="utf-8")
    key.write_text(ca.key_pem, encoding="utf-8")
    key.chmod(0o600)
    target = f"owner={account}/{REGION}"
    _iot_ca(
        aws,
        "registration-code",
        "--target",
        target,
        "--ca-certificate",
        str(certificate),
        "--out",
        str(request),
    )
    offline = ("--private-key", str(key), "--request", str(request), "--out", str(folder / "signed"), "--yes")
    _iot_ca(aws, "verification-cert", "--ca-certificate", str(certificate), *offline)
    [issued] = (folder / "signed").iterdir()
    return issued.read_text(encoding="utf-8")


def test_keys_in_kms_and_signatures_made_offline_prove_possession(
    deployments: Deployments, local_aws: LocalAws, tmp_path: Path
) -> None:
    """RSA and ECC in KMS, two CAs of one stack on one Lambda; and a pre-issued certificate in another account."""
    by_key, ids = [], []
    for spec in _ALGORITHMS:
        arn, key = _key(local_aws, spec)
        pem, ca_id = _ca_of(key, f"{spec} CA")
        by_key.append((pem, arn))
        ids.append(ca_id)
    offline = make_ca("ec-p256", common_name="Offline CA")
    issued = _signed_offline(local_aws, offline, TWO, tmp_path)
    plans = {"Offline": (offline.pem, TWO, issued)}
    deployments.deploy(_APP, name="proofs", variables=_asked(stacks={"ByKms": by_key}, plans=plans))
    for ca_id, account in ((ids[0], ONE), (ids[1], ONE), (offline.certificate_id, TWO)):
        live = deployments.describe_ca(ca_id, account, REGION)
        assert live is not None
        assert (live["certificateMode"], live["status"]) == ("DEFAULT", "ACTIVE")


def test_what_proves_nothing_registers_nothing(deployments: Deployments, local_aws: LocalAws) -> None:
    """Another key, a disabled key, and a signature for another code: each stack says so and is rolled back."""
    right, right_key = _key(local_aws, "ECC_NIST_P256")
    other, _ = _key(local_aws, "ECC_NIST_P256")
    disabled, disabled_key = _key(local_aws, "RSA_2048")
    first, first_id = _ca_of(right_key, "Wrong key CA")
    second, second_id = _ca_of(disabled_key, "Disabled key CA")
    local_aws.client("kms", account=ONE, region=REGION).disable_key(KeyId=disabled)
    third = make_ca("ec-p256", common_name="Other code CA")
    code = "ab" * 32
    plans = {"OtherCode": (third.pem, THREE, make_verification_certificate(third, code))}
    stacks = {"WrongKey": [(first, other)], "DisabledKey": [(second, disabled)]}
    deployments.fail_to_deploy(_APP, name="no-proofs", variables=_asked(stacks=stacks, plans=plans))
    live_code = local_aws.client("iot", account=THREE, region=REGION).get_registration_code()[
        "registrationCode"
    ]
    for stack, account, ca_id, said in (
        ("WrongKey", ONE, first_id, ["not the key of the CA", other]),
        ("DisabledKey", ONE, second_id, ["is disabled", f"aws kms enable-key --key-id {disabled}"]),
        ("OtherCode-owner", THREE, third.certificate_id, [code, live_code, "iot-ca verification-cert"]),
    ):
        reasons = "\n".join(deployments.failures(stack, account, REGION))
        for part in (*said, ca_id, account, REGION):
            assert part in reasons, stack
        assert deployments.stack_status(stack, account, REGION) == "ROLLBACK_COMPLETE"
        assert deployments.describe_ca(ca_id, account, REGION) is None
    assert right not in "\n".join(deployments.failures("WrongKey", ONE, REGION))
