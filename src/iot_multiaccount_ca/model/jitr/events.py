"""Where AWS IoT says what devices did."""

#: That a device certificate became known: below it, by the id of its CA.
REGISTERED_TOPIC = "$aws/events/certificates/registered"


def rule_sql(certificate_id: str) -> str:
    """The SQL of a topic rule on a CA's event; the id is hex, or a Token of the CDK's."""
    return f"SELECT * FROM '{REGISTERED_TOPIC}/{certificate_id}'"  # noqa: S608 - of no database
