"""Serves one version over HTTP from its own folder, with the standard library alone: the entry of a container.

    POST /models/<model>/score                               {"rows": [{...}, ...]}, or a list of rows
    POST /environments/<environment>/models/<model>/score    the same
    GET  /v2/health/ready                                    200 once it serves

Rows are held to the input schema, and answered as Gatewright's scoring service answers them: model, version, rows with
`score` or `value`, `decision`, `reasons`. Nobody is asked for a token and nothing is logged: that is for whoever stands
in front of it.
"""

import argparse
import importlib
import json
import math
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

HOME = Path(__file__).resolve().parent
LARGEST = 16 << 20
MOST_ROWS = 20_000
MOST_FAULTS = 20
KINDS: dict[str, Any] = {
    "integer": lambda value: is_number(value) and float(value).is_integer(),
    "number": lambda value: is_number(value),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def faults(schema: dict[str, Any], rows: Any) -> list[dict[str, Any]]:
    """What keeps the rows from being scored, each fault with its row and field."""
    if not isinstance(rows, list) or not rows:
        return [{"row": 0, "field": "", "reason": "there is no list of rows"}]
    found = []
    known, required = schema["properties"], schema.get("required", [])
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            found.append({"row": number, "field": "", "reason": "it is not an object of named values"})
            continue
        found += [{"row": number, "field": name, "reason": "is missing"} for name in required if name not in row]
        for name, value in row.items():
            if name in known:
                reason = fault(known[name], value)
            else:
                reason = "" if schema.get("additionalProperties", False) else "is not in the input schema"
            if reason:
                found.append({"row": number, "field": name, "reason": reason})
        if len(found) >= MOST_FAULTS:
            return found[:MOST_FAULTS]
    return found


def fault(rule: dict[str, Any], value: Any) -> str:
    """What is wrong with one value, or nothing."""
    kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
    if not any(KINDS[kind](value) for kind in kinds):
        return f"is not of type {' or '.join(kinds)}"
    if value is None:
        return ""
    if is_number(value) and not rule.get("minimum", -math.inf) <= value <= rule.get("maximum", math.inf):
        return "is out of range"
    if "enum" in rule and value not in rule["enum"]:
        return "is none of the values that the input schema names"
    return ""


class Handler(BaseHTTPRequestHandler):
    """One version, one call to it at a time."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    told: dict[str, Any]
    schema: dict[str, Any]
    model: Any
    asking = Lock()

    def do_GET(self) -> None:
        """Whether it serves."""
        ready = self.path == "/v2/health/ready"
        self.answer(200 if ready else 404, {"ready": True} if ready else {"detail": "There is nothing here."})

    def do_POST(self) -> None:
        """The answers to rows."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or len(size) > 9 or int(size) > LARGEST:
            self.close_connection = True
            self.answer(413, {"detail": f"A body of {LARGEST >> 20} MiB at most, and its length, are needed."})
            return
        body = self.rfile.read(int(size))
        name, _, number = self.told["version"].partition("@")
        place = f"/models/{name}/score"
        if self.path not in (place, f"/environments/{self.told['environment']}{place}"):
            self.answer(404, {"detail": f"Post rows to {place}."})
            return
        try:
            content = json.loads(body)
            rows: Any = content.get("rows") if isinstance(content, dict) else content
        except (ValueError, RecursionError):
            self.answer(400, {"detail": "The body is no JSON."})
            return
        if isinstance(rows, list) and len(rows) > MOST_ROWS:
            self.answer(413, {"detail": f"At most {MOST_ROWS:,} rows are scored at a time."})
        elif found := faults(self.schema, rows):
            self.answer(422, {"detail": "The rows do not fit the input schema.", "faults": found})
        else:
            self.answer(*self.scored(name, int(number), rows))

    def scored(self, name: str, number: int, rows: list[dict[str, Any]]) -> tuple[int, Any]:
        """The answer to rows that fit."""
        fields = list(self.schema["properties"])
        try:
            with self.asking:
                answers = self.model.answers({field: [row.get(field) for row in rows] for field in fields})
        except Exception as failure:  # whatever the model raises is the answer to these rows alone
            return 500, {"detail": f"The model could not score these rows: {type(failure).__name__}"}
        told = [{key: value for key, value in answer.items() if key != "version"} for answer in answers]
        return 200, {"model": name, "version": number, "environment": self.told["environment"], "rows": told}

    def answer(self, status: int, content: Any) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: rows have no place in a log."""


def main() -> None:
    """Serve until the process is ended."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--host", default="127.0.0.1")
    asked.add_argument("--port", type=int, default=8080)
    given = asked.parse_args()
    sys.path.insert(0, str(HOME))  # under -I a script's own folder is not on the path
    Handler.told = json.loads((HOME / "context.json").read_bytes())
    Handler.schema = json.loads((HOME / "model" / "input_schema.json").read_bytes())
    Handler.model = importlib.import_module("gatewright_model").Model(HOME / "model")
    server = ThreadingHTTPServer((given.host, given.port), Handler)
    print(f"{Handler.told['version']} answers at port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
