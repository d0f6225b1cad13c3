"""Just-in-time provisioning: the template's body, its rules and its dry run."""
