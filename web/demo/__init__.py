"""`gatewright demo`: two models from training to retirement, on the census answers of real people.

It is a client like any other: people sign in and decide through the HTTP API. Nothing in the house knows of it.
"""
