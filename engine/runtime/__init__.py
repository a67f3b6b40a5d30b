"""Durable execution: diagrams that run, wait for people and machines, and survive a kill at any moment."""
