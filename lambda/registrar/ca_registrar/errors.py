"""Base of the errors that this Lambda answers as a FAILED with a sentence. Holds no rule."""

from __future__ import annotations


class RegistrarError(Exception):
    """A request that cannot be carried out, told in one sentence: what is wrong, and what to do.

    Never put key material or a secret's value into it: it stands in the stack's events.
    """

    @property
    def sentence(self) -> str:
        """What the stack's event shows."""
        return str(self)
