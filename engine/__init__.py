"""Gatewright's engine: life cycles that run, gate and prove."""
