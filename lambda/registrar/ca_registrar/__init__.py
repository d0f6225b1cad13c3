"""The life of a CA's registration in one account and region."""
