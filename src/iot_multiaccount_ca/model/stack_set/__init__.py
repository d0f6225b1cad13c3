"""One CloudFormation StackSet that registers a CA in many accounts: where, how fast, and with which template."""
