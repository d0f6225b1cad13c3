"""The settings of the registrar's Lambda function, seconds first: what waits for what, and for how long."""

from __future__ import annotations

#: How long the Lambda may run, in seconds. Its own waits have to fit in (``ca_registrar``).
LAMBDA_TIMEOUT = 300
#: How long CloudFormation waits for the answer: longer, so that a Lambda that never answers fails in minutes.
SERVICE_TIMEOUT = LAMBDA_TIMEOUT + 120
#: How old an event may be when the Lambda first sees it: later, CloudFormation has gone on without it.
EVENT_AGE_SECONDS = 60
#: Lambda would run a crashed Create again, after CloudFormation rolled it back.
RETRIES = 0
MEMORY_MB = 256
RUNTIME = "python3.13"
HANDLER = "responder.handler"
LOG_RETENTION_DAYS = 365
