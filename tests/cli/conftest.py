"""A house that runs: the one that the demo leaves."""

from __future__ import annotations

from tests.demo.conftest import told

__all__ = ["told"]
