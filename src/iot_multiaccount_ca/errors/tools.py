"""What the command line and rehearsals cannot do, or not as asked."""

from __future__ import annotations

from .base import SharedCaError


class ToolError(SharedCaError):
    """A command, or a rehearsal, that cannot do what it is asked for."""


class WrongOptionsError(ToolError):
    """Options of a command that exclude each other, or miss each other."""


class NoTerminalError(ToolError):
    """A passphrase, a PIN or a yes that has to be asked for, and nobody to ask."""


class OutputExistsError(ToolError):
    """A file to be written where something is already."""


class NothingToAskError(ToolError):
    """No DEFAULT stage to ask for a registration code, or none of the wanted name."""


class MalformedTargetError(ToolError):
    """``--target`` that is not ``NAME=ACCOUNT/REGION``."""


class ImportMapError(ToolError):
    """A map for `cdk import` that would name nothing, or two CAs by one name."""


class AccountsFileError(ToolError):
    """A file of accounts that is none, or lacks a unit of a set."""


class RegistrationCodeError(ToolError):
    """AWS IoT gave no registration code."""


class RequestFileError(ToolError):
    """A request file that cannot be read, or that asks for something odd."""


class SigningError(ToolError):
    """A verification certificate that could not be made."""


class Pkcs11Error(ToolError):
    """A PKCS#11 token or key that cannot be used."""


class CreateCaError(ToolError):
    """A CA that cannot be made, or not under this name."""


class CaKeyError(ToolError):
    """A file that holds no key that a CA could have."""


class RehearsalError(ToolError):
    """An app that cannot be rehearsed, or not with what was given."""


class EmulatorVersionError(ToolError):
    """Another version of the emulator than the one that the gap-closer knows."""
