"""How values read on a page: times with their zone, digests, states, sizes, names."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup, escape

from engine.config import Settings
from engine.store import Clock

#: the state of a thing -> the colour that repeats the word (see `.gw-state` in the style sheet)
_COLOURS = {
    "waiting": "open queued draft pending requested proposed registered waiting in_review starting",
    "moving": "running started active training testing deploying current",
    "done": "completed finished done published approved live passed held healthy closed ok intact deployed kept",
    "attention": "suspended overdue retrying warning paused missed undecided incomplete stopping unhealthy medium",
    "failed": "failed incident error rejected refused breached high broken disabled",
}
COLOUR_OF = {state: colour for colour, states in _COLOURS.items() for state in states.split()}


def install(app: Flask, settings: Settings, clock: Clock) -> None:
    """Give the templates these words."""
    zone = ZoneInfo(settings.timezone)
    filters = {
        "moment": lambda value: moment(value, zone, clock.now()),
        "day": lambda value: _day(value, zone),
        "short": short,
        "spoken": spoken,
        "colour": colour,
        "size": size,
        "figure": figure,
        "share": share,
        "span": span,
        "seconds": lambda value: span(timedelta(seconds=value)),
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals["zone"] = settings.timezone


def moment(value: datetime | None, zone: ZoneInfo, now: datetime) -> Markup:
    """A time as `<time>`, in the house's zone, which it states; the year where it is not this one."""
    if value is None:
        return Markup('<span class="text-muted">never</span>')
    local = value.astimezone(zone)
    exact = value.astimezone(timezone.utc).isoformat(timespec="seconds")  # noqa: UP017 - as in the log
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    words = f"{local.day} {local:%b}{year}, {local:%H:%M}"
    return Markup('<time datetime="{}" title="{}">{}&nbsp;<small>{}</small></time>').format(
        exact, exact, words, local.tzname() or zone.key
    )


def _day(value: datetime | None, zone: ZoneInfo) -> Markup:
    if value is None:
        return Markup('<span class="text-muted">never</span>')
    local = value.astimezone(zone)
    return Markup('<time datetime="{}">{}</time>').format(f"{local:%Y-%m-%d}", f"{local.day} {local:%b %Y}")


def short(digest: str | None) -> Markup:
    """A digest's first twelve characters, the whole in its title."""
    if not digest:
        return Markup('<span class="text-muted">none</span>')
    return Markup('<code class="gw-digest" title="{}">{}</code>').format(digest, str(digest)[:12])


def spoken(name: Any) -> str:
    """A name of the field as words: risk_manager is "risk manager"."""
    return str(name).replace("_", " ")


def colour(state: Any) -> str:
    """The colour class of a state; one that is unknown is at rest."""
    return COLOUR_OF.get(str(state).replace(" ", "_"), "resting")


def size(count: int | None) -> str:
    """Bytes in the unit that fits."""
    if count is None:
        return "unknown"
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def figure(value: Any, digits: int = 3) -> str:
    """A number with as many digits as help; no data is said."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "no data"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if math.isinf(value):
            return "∞"
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1000 else f"{value:.{digits}f}"
    return str(value)


def share(value: float | None) -> str:
    """A share as a percentage."""
    return "no data" if value is None or math.isnan(value) else f"{value:.1%}"


def span(value: timedelta | None) -> str:
    """A length of time in its largest two units."""
    if value is None:
        return "unknown"
    seconds = int(value.total_seconds())
    parts = []
    for name, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= length or (name == "s" and not parts):
            parts.append(f"{seconds // length} {name}")
            seconds %= length
        if len(parts) == 2:
            break
    return " ".join(parts)


def attributes(values: dict[str, Any]) -> Markup:
    """HTML attributes; one that is None or False is left out."""
    return Markup(" ").join(
        Markup('{}="{}"').format(escape(name), value if value is not True else name)
        for name, value in values.items()
        if value not in (None, False)
    )
