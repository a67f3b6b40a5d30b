"""Log lines: JSON for machines, text for a terminal, each with what the work in hand is about, none with a secret."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

from engine.config import Settings
from engine.telemetry import context, tracing

_FIELDS = ("time", "level", "process", "logger", "message", "error", "stack")
#: how much is logged, where it is set
LEVEL = "GATEWRIGHT_LOG_LEVEL"
HIDDEN = "***"
#: what these say below a warning is of no use to whoever runs the house
_CHATTY = ("alembic", "apscheduler", "httpx", "procrastinate", "urllib3")
#: a shorter secret would be found in the middle of plain words
_SHORTEST_SECRET = 6

#: secrets by their form, whoever wrote them into a message: the first group is kept
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(\b[a-z][a-z0-9+.\-]*://[^\s:/@]*:)[^\s@/]+(?=@)",  # the password of a URL
        r"(\b(?:bearer|basic)\s+)[\w.~+/=\-]{8,}",
        r"\b(gw[tsv]_)[\w\-]+",  # tokens and the secrets of browsers
        r"((?:password|passwd|pwd|secret|api_?key|access_?key|token|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&)]+",
    )
)


class Scrubber:
    """Takes secrets out of a text: those of the settings by their value, others by their form."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: a URL whole before the password in it.
        known = sorted({each for each in secrets if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    @classmethod
    def of(cls, settings: Settings) -> Scrubber:
        """What knows the secrets of these settings."""
        found: list[str] = []
        for name in Settings.model_fields:
            value = getattr(settings, name)
            if isinstance(value, SecretStr):
                secret = value.get_secret_value()
                found.append(secret)
                if "://" in secret and (password := urlsplit(secret).password):
                    found += [password, unquote(password)]
        return cls(found)

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for form in _FORMS:
            text = form.sub(rf"\g<1>{HIDDEN}", text)
        return text


class Lines(JsonFormatter):
    """One JSON object a line: time, level, process, logger, message, and what it is about."""

    def __init__(self, process: str, scrub: Scrubber) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "error", "stack_info": "stack"},
            static_fields={"process": process},
            timestamp="time",
            json_ensure_ascii=False,
        )
        self._scrub = scrub

    def process_log_record(self, log_data: LogData) -> LogData:
        """The line's object with the facts of the work in hand, scrubbed; what a library adds is left out."""
        told = {name: log_data[name] for name in _FIELDS if name in log_data} | _facts()
        return {name: self._scrub(each) if isinstance(each, str) else each for name, each in told.items()}


class Text(logging.Formatter):
    """A line for a person: `time process LEVEL logger: message (instance ..., element ...)`."""

    def __init__(self, process: str, scrub: Scrubber) -> None:
        super().__init__(f"%(asctime)s {process} %(levelname)s %(name)s: %(message)s%(about)s")
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        """The line, scrubbed."""
        told = ", ".join(f"{name} {fact}" for name, fact in _facts().items())
        record.about = f" ({told})" if told else ""
        return self._scrub(super().format(record))


def begin(process: str, settings: Settings, stream: TextIO | None = None) -> None:
    """Have this process log to the standard error, or `stream`, in the settings' format, at GATEWRIGHT_LOG_LEVEL."""
    target = stream or sys.stderr
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not target.isatty())
    scrub = Scrubber.of(settings)
    handler = logging.StreamHandler(target)
    handler.setFormatter(Lines(process, scrub) if as_json else Text(process, scrub))
    level = logging.getLevelNamesMapping().get(os.environ.get(LEVEL, "INFO").upper(), logging.INFO)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    # Warns of each tick that is passed over because the one before is not done yet; the ticks' durations tell that.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


def _facts() -> dict[str, Any]:
    found: dict[str, Any] = dict(context.facts())
    if trace := tracing.trace_id():
        found["trace_id"] = trace
    return found
