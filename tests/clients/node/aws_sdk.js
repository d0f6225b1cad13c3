// A device on AWS's SDK for Node: connects until it is let in, publishes with QoS 1, and says so.
//
// aws_sdk.js mqtt5|mqtt311 ENDPOINT PORT PROXY_PORT FOLDER; FOLDER has anchor.pem, device.pem and device.key. The proxy
// takes it to the broker, whose name need not resolve: the SDK dials what it sends as SNI.
"use strict";

const { http, iot, mqtt, mqtt5 } = require("aws-iot-device-sdk-v2");

const [protocol, endpoint, port, proxyPort, folder] = process.argv.slice(2);
const topic = "devices/device-1/x";
const proxy = new http.HttpProxyOptions("127.0.0.1", Number(proxyPort), http.HttpProxyAuthenticationType.None);

// The SDK tries again by itself.
async function byMqtt5() {
  const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(
    endpoint, `${folder}/device.pem`, `${folder}/device.key`);
  builder.withCertificateAuthorityFromPath(undefined, `${folder}/anchor.pem`);
  builder.withPort(Number(port));
  builder.withHttpProxyOptions(proxy);
  builder.withMinReconnectDelayMs(200);
  builder.withMaxReconnectDelayMs(200);
  builder.withConnectProperties({ clientId: "device-1", keepAliveIntervalSeconds: 60 });
  const client = new mqtt5.Mqtt5Client(builder.build());
  const connected = new Promise((resolve) => client.on("connectionSuccess", resolve));
  client.start();
  await connected;
  await client.publish({ topicName: topic, payload: "hello", qos: mqtt5.QoS.AtLeastOnce });
  client.stop();
}

// The SDK tries again only what was connected once: the first connect is the program's to repeat.
async function byMqtt311() {
  const builder = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(
    `${folder}/device.pem`, `${folder}/device.key`);
  builder.with_certificate_authority_from_path(undefined, `${folder}/anchor.pem`);
  builder.with_endpoint(endpoint).with_port(Number(port)).with_client_id("device-1").with_http_proxy_options(proxy);
  const connection = new mqtt.MqttClient().new_connection(builder.build());
  for (;;) {
    try {
      await connection.connect();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  await connection.publish(topic, "hello", mqtt.QoS.AtLeastOnce);
  await connection.disconnect();
}

({ mqtt5: byMqtt5, mqtt311: byMqtt311 })[protocol]().then(
  () => { console.log("published"); process.exit(0); },
  (error) => { console.error(error); process.exit(1); });
