"""Just-in-time registration: who is admitted, and what an admitted device gets."""
