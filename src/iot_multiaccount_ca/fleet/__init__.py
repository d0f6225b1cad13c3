"""The live state of a fleet's stages, held against the plan. Reads AWS through botocore, and never writes to it."""
