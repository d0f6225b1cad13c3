"""The life of a CA's registration in one account and region: `lifecycle.run` is what the responder calls."""
