"""Checks of a diagram before it is published: one file a rule, registered by a decorator."""

from engine.bpmn.lint.checking import check
from engine.bpmn.lint.registry import RULES, rule

__all__ = ["RULES", "check", "rule"]
