"""Figures that a test run prints at its end, such as how many faults it tried."""

from __future__ import annotations

from collections import Counter

import pytest

FIGURES = pytest.StashKey[Counter[str]]()
