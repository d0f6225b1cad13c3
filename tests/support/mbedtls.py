"""The device on mbedTLS, made by the machine's compiler where it is used: Debian's gcc and libmbedtls-dev."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "clients/mbedtls_device.c"
HEADER = "mbedtls/ssl.h"


def mbedtls_device(folder: Path) -> str:
    """The path of the program, which it makes in this folder."""
    program = folder / "mbedtls_device"
    libraries = ("-lmbedtls", "-lmbedx509", "-lmbedcrypto")
    subprocess.run(
        ["gcc", "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(SOURCE), *libraries],
        check=True,
        timeout=60,
    )
    return str(program)


def has_header(header: str) -> bool:
    """Whether the compiler finds it."""
    ran = subprocess.run(
        ["gcc", "-fsyntax-only", "-x", "c", "-"], input=f"#include <{header}>\n".encode(), capture_output=True
    )
    return ran.returncode == 0
