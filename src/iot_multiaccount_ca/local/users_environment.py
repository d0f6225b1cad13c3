"""The user's environment variables that concern AWS or a proxy: programs of a rehearsal get them changed, or not."""

from __future__ import annotations

import os

#: What a program that honours proxies must hear to reach this machine without one.
DIRECTLY = "localhost,127.0.0.1,.localhost"
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "proxy", "noproxy"}


def is_of_aws(name: str) -> bool:
    """Whether the variable tells AWS's tools something."""
    return name.startswith(("AWS_", "AMAZON_"))


def is_of_proxy(name: str) -> bool:
    """Whether the variable names a proxy, or what is reached without one; npm's settings are heard by the CDK CLI."""
    return name.lower().removeprefix("npm_config_") in _PROXIES


def proxies() -> dict[str, str]:
    """The user's proxies, for a program that may need them elsewhere: this machine is reached without."""
    found = {name: value for name, value in os.environ.items() if is_of_proxy(name)}
    passed_by = [value for name, value in found.items() if name.lower().endswith(("no_proxy", "noproxy"))]
    directly = ",".join([*dict.fromkeys(passed_by), DIRECTLY])
    return found | dict.fromkeys(("no_proxy", "NO_PROXY", "npm_config_no_proxy"), directly)
