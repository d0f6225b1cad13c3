"""Where AWS IoT says what devices did."""

#: That a device certificate became known: below it, by the id of its CA.
REGISTERED_TOPIC = "$aws/events/certificates/registered"
