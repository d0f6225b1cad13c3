"""The plan of one shared CA: its stages, and the CAs on their way out."""
