"""The engine that registers by a Lambda of the stack: ``Custom::IotCaCertificate``."""
