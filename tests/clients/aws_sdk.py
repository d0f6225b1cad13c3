"""A device on AWS's SDK for Python: connects until it is let in, publishes with QoS 1, and says so.

aws_sdk.py mqtt5|mqtt311 ENDPOINT PORT PROXY_PORT FOLDER; FOLDER has anchor.pem, device.pem and device.key. The proxy
takes it to the broker, whose name need not resolve: the SDK dials what it sends as SNI.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from awscrt import exceptions, http, mqtt, mqtt5
from awsiot import mqtt5_client_builder, mqtt_connection_builder

_SECONDS = 30
_TOPIC, _MESSAGE = "devices/device-1/x", b"hello"


def by_mqtt5(**how: Any) -> None:
    """The SDK tries again by itself."""
    connected: Future[None] = Future()
    client = mqtt5_client_builder.mtls_from_path(
        min_reconnect_delay_ms=200,
        max_reconnect_delay_ms=200,
        on_lifecycle_connection_success=lambda _: connected.set_result(None),
        **how,
    )
    client.start()
    connected.result(_SECONDS)
    packet = mqtt5.PublishPacket(topic=_TOPIC, payload=_MESSAGE, qos=mqtt5.QoS.AT_LEAST_ONCE)
    client.publish(packet).result(_SECONDS)
    client.stop()


def by_mqtt311(**how: Any) -> None:
    """The SDK tries again only what was connected once: the first connect is the program's to repeat."""
    connection = mqtt_connection_builder.mtls_from_path(keep_alive_secs=60, **how)
    for _ in range(_SECONDS):
        try:
            connection.connect().result(_SECONDS)
        except exceptions.AwsCrtError:
            time.sleep(0.2)
        else:
            break
    sent, _ = connection.publish(_TOPIC, _MESSAGE, mqtt.QoS.AT_LEAST_ONCE)
    sent.result(_SECONDS)
    connection.disconnect().result(_SECONDS)


def main() -> None:
    """As the arguments say."""
    protocol, endpoint, port, proxy_port, folder = sys.argv[1:]
    {"mqtt5": by_mqtt5, "mqtt311": by_mqtt311}[protocol](
        endpoint=endpoint,
        port=int(port),
        client_id="device-1",
        ca_filepath=str(Path(folder) / "anchor.pem"),
        cert_filepath=str(Path(folder) / "device.pem"),
        pri_key_filepath=str(Path(folder) / "device.key"),
        http_proxy_options=http.HttpProxyOptions(host_name="127.0.0.1", port=int(proxy_port)),
    )
    sys.stdout.write("published\n")


main()
