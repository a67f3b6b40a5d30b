"""`python -m web.cli`: how the supervisor starts the processes of the house."""

from __future__ import annotations

from web.cli.main import run

run()
