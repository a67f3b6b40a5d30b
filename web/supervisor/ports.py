"""Ports: looked at before anything starts, so that one that is taken is told in a line and not found in a log."""

from __future__ import annotations

import errno
import socket

from engine.config import Settings
from engine.errors import GatewrightError


class PortTaken(GatewrightError):
    """{what} cannot listen at {host}, port {port}: {reason}."""

    code = "port-taken"
    hint = "Set {setting} to another port, or to 0 for a free one."


def settled(settings: Settings, *, elsewhere: bool = False) -> Settings:
    """The settings with ports that can be listened at: 0 becomes a free one; raises PortTaken.

    elsewhere: take a free port instead of one that is taken.
    """
    settings = _settled(of_pages(settings, elsewhere=elsewhere), "The scoring service", "scoring", elsewhere)
    for name in ("worker", "clock"):
        # Where they tell their health is nobody's address to remember: `status` shows it.
        settings = _settled(settings, f"The {name}", name, elsewhere=True)
    if settings.web_port == settings.scoring_port:
        raise PortTaken(
            what="The scoring service",
            host=settings.scoring_host,
            port=settings.scoring_port,
            reason="the pages listen there",
            setting="GATEWRIGHT_SCORING_PORT",
        )
    return settings


def of_pages(settings: Settings, *, elsewhere: bool = False) -> Settings:
    """The same for the port of the pages alone."""
    return _settled(settings, "The pages", "web", elsewhere)


def _settled(settings: Settings, what: str, name: str, elsewhere: bool) -> Settings:
    host, port = getattr(settings, f"{name}_host"), getattr(settings, f"{name}_port")
    try:
        port = listened_at(host, port)
    except OSError as reason:
        if not elsewhere or reason.errno != errno.EADDRINUSE:
            setting = f"GATEWRIGHT_{name.upper()}_PORT"
            said = reason.strerror or str(reason)
            raise PortTaken(what=what, host=host, port=port, reason=said, setting=setting) from reason
        port = listened_at(host, 0)
    return settings.model_copy(update={f"{name}_port": port})


def listened_at(host: str, port: int) -> int:
    """The port, once it was listened at for a moment; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind((host, port))
        # Bound ports may be shared by SO_REUSEADDR; listening shows that nobody else does.
        tried.listen(1)
        found: int = tried.getsockname()[1]
        return found
