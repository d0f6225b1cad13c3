"""What is wrong with the options of `iot-ca rehearse` and `iot-ca listen` is told before anything is started."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from iot_multiaccount_ca.cli.commands.rehearse import rehearse as rehearse_command
from iot_multiaccount_ca.cli.device_keys import load_devices
from iot_multiaccount_ca.cli.root import run
from iot_multiaccount_ca.local import cdk
from iot_multiaccount_ca.local.device import KEY_TYPES
from support.certificates import make_ca, make_device
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two devices' certificates and keys, and a file of something else."""
    ca = make_ca("ec-p256", common_name="options")
    for name in ("one", "two"):
        device = make_device(ca, name)
        (tmp_path / f"{name}.pem").write_text(device.pem)
        (tmp_path / f"{name}.key").write_text(device.key_pem)
    (tmp_path / "text").write_text("no certificate")
    one = make_device(ca, "one")
    (tmp_path / "one.der").write_bytes(one.certificate.public_bytes(serialization.Encoding.DER))
    p12 = pkcs12.serialize_key_and_certificates(
        None, one.key, one.certificate, None, serialization.BestAvailableEncryption(b"word")
    )
    (tmp_path / "one.p12").write_bytes(p12)
    encrypted = one.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    (tmp_path / "encrypted.key").write_bytes(encrypted)
    (tmp_path / "reversed.pem").write_text(ca.pem + one.pem)
    # As openssl pkcs12 writes it: with a friendly name, and key and certificate in one.
    (tmp_path / "bag.pem").write_text(
        f"friendlyName: Gerät\n{one.key_pem}{one.pem}{ca.pem}", encoding="utf-8"
    )
    for algorithm in ("rsa-1024", "ed25519", "ec-secp256k1"):
        device = make_device(ca, algorithm, algorithm=algorithm)
        (tmp_path / f"{algorithm}.pem").write_text(device.pem)
        (tmp_path / f"{algorithm}.key").write_text(device.key_pem)
    return tmp_path


def test_the_key_types_are_those_that_a_device_can_have() -> None:
    """The option is read before anything of a device is loaded, so it has the words of its own."""
    option = next(each for each in rehearse_command.params if each.name == "device_key_type")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == tuple(KEY_TYPES)


def device(certificate: str, key: str) -> list[str]:
    """A rehearsal with this device."""
    return ["rehearse", "--device-certificate", certificate, "--device-key", key]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rehearse", "--device-certificate", "one.pem"], "a device is a certificate and its key"),
        (
            ["rehearse", "--device-certificate", "one.pem", "--device-key", "two.key"],
            "the device's key does not belong to its certificate; got 'one.pem and two.key'",
        ),
        (
            ["rehearse", "--device-certificate", "text", "--device-key", "one.key"],
            "the file holds no device certificate; got 'text'",
        ),
        (device("one.der", "one.key"), "no device certificate; got 'one.der'"),
        (device("one.p12", "one.key"), "openssl pkcs12 -nokeys"),
        (
            device("reversed.pem", "one.key"),
            "not the first of its chain; got 'reversed.pem, where it is the 2. of 2'",
        ),
        (device("one.pem", "encrypted.key"), "there is no terminal to ask on"),
        (device("one.pem", "one.p12"), "no private key that can be read; got 'one.p12'"),
        (device("one.pem", "."), "is a directory"),
        (
            device("rsa-1024.pem", "rsa-1024.key"),
            "takes no device with such a key; got 'rsa-1024.pem: RSA 1024'",
        ),
        (device("ed25519.pem", "ed25519.key"), "no private key that can be read; got 'ed25519.key'"),
        (device("ec-secp256k1.pem", "ec-secp256k1.key"), "allowed: RSA of 2048 bits or more, ECC P-256"),
        (
            ["rehearse", "--no-device", "--device-command", "true"],
            "with --no-device nobody connects; got '--device-c",
        ),
        (["listen", "--app", "cdk.out"], "no such cloud assembly; got 'cdk.out'"),
        (["rehearse", "--app", ""], "no such cloud assembly; got ''"),
        (["rehearse", "--app", "true", "--then", "after.out"], "no such cloud assembly; got 'after.out'"),
        (["rehearse", "--device-command", ""], "--device-command is empty; got ''"),
        (["rehearse", "--device-command", " \t"], "or leave the option out"),
        (
            ["rehearse", "--ca-key", "one.pem"],
            "the file holds no private key that can be read; got 'one.pem'",
        ),
        (["listen", "--ca-key", "text"], "the file holds no private key that can be read; got 'text'"),
        (["listen", "--bind", "0.0.0.0"], "--bind is an address of this machine; got '0.0.0.0'"),
        (["listen", "--bind", "224.0.0.1"], "--bind is an address of this machine; got '224.0.0.1'"),
        (["listen", "--bind", "192.0.2.1"], "--bind is an address of this machine; got '192.0.2.1'"),
        (["listen", "--bind", "my-machine"], "--bind is an address of this machine; got 'my-machine'"),
    ],
)
def test_options_that_cannot_be(files: Path, arguments: list[str], says: str) -> None:
    """A sentence, exit code 2, and no local AWS was started for it."""
    ran = in_pipe(*arguments, cwd=files)
    assert (ran.code, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert "local AWS" not in ran.stderr


@pytest.mark.parametrize("missing", ["ministack", "paho"])
@pytest.mark.parametrize("arguments", [["rehearse"], ["listen"]], ids=str)
def test_a_missing_extra_is_a_sentence(arguments: list[str], missing: str, tmp_path: Path) -> None:
    """Whichever of its packages is not there: exit code 2, how to install it, and no traceback of a server's."""
    code = f"import sys; sys.modules[{missing!r}] = None; from iot_multiaccount_ca.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"iot-ca: a local AWS needs the extra `local` ({missing} missing): "
        "pip install 'iot-multiaccount-ca[local]'\n"
    )


@pytest.mark.parametrize("command", ["rehearse", "listen"])
def test_without_the_cdk_cli_nothing_is_started(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the first thing that a new machine lacks: told at once, with how to get it."""
    monkeypatch.setattr(cdk, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run([command])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert (said.out, said.err.splitlines()) == (
        "",
        ["iot-ca: there is no CDK CLI, neither beside the app nor on PATH; fix: npm install aws-cdk@2"],
    )


def test_a_device_file_may_hold_more_than_its_certificate(files: Path) -> None:
    """What `openssl pkcs12` writes is taken: a name that is not ASCII, the key, and the chain behind the device."""
    (made,) = load_devices((files / "bag.pem",), (files / "bag.pem",))
    assert made.common_name == "one"
    assert made.pem.count("BEGIN CERTIFICATE") == 2
    assert "PRIVATE KEY" not in made.pem
