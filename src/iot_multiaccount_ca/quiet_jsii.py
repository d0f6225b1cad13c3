"""What an app's process is told, so that jsii keeps quiet about the Node below it."""

from __future__ import annotations

from types import MappingProxyType

#: For the environment of a process that runs a CDK app. An end of life is silenced release by release.
QUIET_JSII = MappingProxyType(
    {
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": ",".join(map(str, range(12, 51))),
        "JSII_SILENCE_WARNING_KNOWN_BROKEN_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
)
