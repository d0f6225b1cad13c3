"""The commands of ``iot-ca``, a file each. No command imports another."""
