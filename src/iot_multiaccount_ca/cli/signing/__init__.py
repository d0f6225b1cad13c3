"""Signing verification certificates where the CA's key is, away from AWS."""
