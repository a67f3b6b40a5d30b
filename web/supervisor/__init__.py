"""One supervisor per data folder: it owns the embedded PostgreSQL and every process of the house."""

from __future__ import annotations

from web.supervisor.children import NAMES, Command, commands
from web.supervisor.control import HouseNotRunning, ask
from web.supervisor.house import HouseRunning, Supervisor
from web.supervisor.places import Places

__all__ = ["NAMES", "Command", "HouseNotRunning", "HouseRunning", "Places", "Supervisor", "ask", "commands"]
