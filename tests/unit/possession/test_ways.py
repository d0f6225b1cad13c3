"""The ways of proof are the same in the model, the Lambda and the command line, and an unknown one is refused."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest

import ca_registrar.possession
from iot_multiaccount_ca import SharedCaError, Verification, errors
from iot_multiaccount_ca.cli.signing.signers import SIGNERS
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.model.possession.kms_key import KmsKeyProof
from iot_multiaccount_ca.model.possession.pre_issued import PreIssuedProof
from iot_multiaccount_ca.model.possession.private_ca import PrivateCaProof
from iot_multiaccount_ca.model.possession.proof import Proof
from iot_multiaccount_ca.model.possession.secret import SecretProof
from iot_multiaccount_ca.model.possession.verification import HOW_TO_PROVE, WAYS, way_of
from support.certificates import make_ca, make_verification_certificate, registration_code
from support.fleets import record, write_assembly

if TYPE_CHECKING:
    from pathlib import Path

KEY = "arn:aws:kms:us-east-1:222222222222:key/mrk-0123456789abcdef0123456789abcdef"
PCA = "arn:aws:acm-pca:us-east-1:222222222222:certificate-authority/11111111-2222-3333-4444-555555555555"
PEM = make_verification_certificate(make_ca(), registration_code())
#: One of each way, and what turns it into one that is refused.
EXAMPLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "SECRET": (SecretProof("fleet-ca", field="key"), {"field": " "}),
    "KMS_KEY": (KmsKeyProof(KEY), {"key_arn": PCA}),
    "PRIVATE_CA": (PrivateCaProof(PCA), {"certificate_authority_arn": KEY}),
    "PRE_ISSUED": (PreIssuedProof({"prod": PEM}), {"certificates": {}}),
}
#: Ways in which the command line signs with no service: the key is in a file, which a secret's key can be too, or in
#: an HSM.
OUTSIDE_OF_AWS = {"PRIVATE_KEY", "PKCS11_URI"}
#: Ways in which it does not: by a key that it would have to read, and with what is signed already.
NOT_ON_THE_COMMAND_LINE = {"SECRET", "PRE_ISSUED"}

each_way = pytest.mark.parametrize("kind", sorted(WAYS))


def test_the_lambda_proves_in_every_way_of_the_model() -> None:
    """And in no other: one kind, one name."""
    assert set(ca_registrar.possession.WAYS) == set(WAYS)


def test_the_command_line_signs_in_the_ways_of_the_model() -> None:
    """Whoever adds a way says whether the command line signs so; what it calls alike is alike."""
    assert {signer.kind for signer in SIGNERS} - OUTSIDE_OF_AWS == set(WAYS) - NOT_ON_THE_COMMAND_LINE


def test_every_way_has_an_example_here() -> None:
    """So that the rules below hold for a new one too."""
    assert set(EXAMPLES) == set(WAYS)


@each_way
def test_one_concept_has_one_name(kind: str) -> None:
    """Kind, module, factory and option are one word in model, Lambda and command line."""
    name = kind.lower()
    proof = WAYS[kind]
    assert proof.__module__.rpartition(".")[2] == name
    assert ca_registrar.possession.WAYS[kind] == (f"signing.{name}" if proof.signs_in_lambda else name)
    assert getattr(Verification, f"from_{name}") is proof
    assert f"from_{name}" in HOW_TO_PROVE
    for word in (f"``from_{name}(", f"`{proof.__name__}`"):
        assert word in str(Verification.__doc__), "the type's docstring is where an editor shows the ways"
    for signer in SIGNERS:
        assert signer.open.__module__.rpartition(".")[2] == signer.argument


@each_way
def test_each_way_says_all_that_is_asked_of_it(kind: str) -> None:
    """Its kind in both shapes, whether it signs in the Lambda, and whether it can be rehearsed, or why not."""
    proof, _ = EXAMPLES[kind]
    assert isinstance(proof, Verification)
    assert proof.request_properties("prod")["Type"] == proof.metadata("prod")["type"] == kind
    assert isinstance(proof.signs_in_lambda, bool)
    assert proof.not_rehearsable is None or " " in proof.not_rehearsable
    assert way_of(proof.metadata("prod")) is type(proof)
    json.dumps(proof.metadata("prod"))


@each_way
def test_what_a_way_sends_is_what_the_lambda_reads(kind: str) -> None:
    """Word for word, and nothing besides: a field that is read by another name is silently none."""
    sent = set(EXAMPLES[kind][0].request_properties("prod")) - {"Type"}
    module = importlib.import_module(f"ca_registrar.possession.{ca_registrar.possession.WAYS[kind]}")
    read = {
        key
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        for key in _asked(node)
        if isinstance(key, str)
    }
    assert read == sent


def _asked(node: ast.AST) -> list[object]:
    """What is looked up in ``verification`` here: ``verification["…"]``, ``verification.get("…")``."""
    match node:
        case ast.Subscript(ast.Name("verification"), ast.Constant(key)):
            return [key]
        case ast.Call(ast.Attribute(ast.Name("verification"), "get"), [ast.Constant(key), *_]):
            return [key]
    return []


@each_way
def test_a_value_is_frozen_and_checked_again(kind: str) -> None:
    """`dataclasses.replace` runs the same rules as the factory; nothing can be set."""
    proof, wrong = EXAMPLES[kind]
    (name,) = wrong
    assert dataclasses.replace(proof) == proof
    assert hash(dataclasses.replace(proof)) == hash(proof)
    with pytest.raises(SharedCaError):
        dataclasses.replace(proof, **wrong)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(proof, name, getattr(proof, name))


def test_a_verification_is_made_by_its_factories_only() -> None:
    """The type itself makes none, so that no constructor skips a rule."""
    for arguments in ({}, {"kind": "SECRET"}, {"kind": "SECRET", "secret": "x"}):
        with pytest.raises(TypeError):
            Verification(**arguments)  # type: ignore[abstract]
    with pytest.raises(TypeError):
        Proof()  # type: ignore[abstract]


def test_the_text_of_a_file_stays(tmp_path: Path) -> None:
    """A value that was made from a file does not change with it, nor does one that is made from the value."""
    file = tmp_path / "prod.pem"
    file.write_text(PEM)
    proof = PreIssuedProof({"prod": file})
    file.unlink()
    assert dataclasses.replace(proof) == proof
    with pytest.raises(TypeError):
        proof.certificates["dev"] = PEM  # type: ignore[index]


# --- unknown ways --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [{"type": "TELEPATHY", "secretId": "x"}, {}, {"type": ["SECRET"]}])
def test_an_assembly_with_an_unknown_way_is_refused(metadata: dict[str, Any], tmp_path: Path) -> None:
    """By every tool that reads one, and never taken for a secret."""
    with pytest.raises(errors.UnknownProofError, match=f"allowed: {', '.join(WAYS)}"):
        way_of(metadata)
    folder = write_assembly(tmp_path, [record(certificate_mode="DEFAULT", verification=metadata)])
    with pytest.raises(errors.UnknownProofError, match="not known here"):
        read_planned(folder)
