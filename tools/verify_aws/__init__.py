"""Tries on AWS itself what docs/aws-assumptions.md assumes. Opt-in: ``make verify-aws``."""
