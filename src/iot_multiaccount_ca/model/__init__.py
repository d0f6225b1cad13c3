"""Pure values and rules: what can be known from literals. No aws_cdk, no boto3, no clock unless a caller gives it."""
