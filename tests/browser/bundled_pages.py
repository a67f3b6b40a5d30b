"""A small server with the bundle's pages and nothing else, so that they are tested apart from the rest of the house."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import make_server

from web import bundle

DIAGRAM = Path(__file__).parent / "bundled_pages.bpmn"

#: The policy of every page of the house but the two editors that write style sheets of their own.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)

HANDLERS = [
    {
        "name": "train_model",
        "summary": "Train a model on its declared data.",
        "kind": "job",
        "parameters": {
            "type": "object",
            "properties": {"version": {"type": "string", "description": "The version, as model@number."}},
            "required": ["version"],
        },
    },
    {
        "name": "deploy_model",
        "summary": "Start an approved version in its environment.",
        "kind": "job",
        "parameters": {
            "type": "object",
            "$defs": {"Size": {"enum": ["small", "large"], "type": "string"}},
            "properties": {
                "version": {"type": "string", "description": "The version, as model@number."},
                "environment": {"type": "string", "default": "staging", "description": "Where it shall run."},
                "size": {"$ref": "#/$defs/Size", "default": "small", "description": "How much it may take."},
                "share": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
                "warm": {"type": "boolean", "default": True},
            },
            "required": ["version"],
        },
    },
]

VOCABULARY = {
    "handlers": HANDLERS,
    "roles": ["data_scientist", "risk_manager"],
    "evidence": ["test_report", "model_card"],
    "task_kinds": ["form", "approval"],
    "forms": ["decision.form.json"],
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<script src="/dist/{theme}"></script>
<link rel="stylesheet" href="/dist/{app_css}">
{style}
<script type="module" src="/dist/{app}"></script>
{script}
</head>
<body>
<a class="gw-skip" href="#content">Skip to content</a>
<header class="gw-bar">
  <a class="gw-brand" href="/">Gatewright</a>
  <div class="gw-bar-end"><button class="btn btn-sm btn-outline-secondary" data-theme-toggle hidden>Theme</button></div>
</header>
<div class="gw-frame">
<nav class="gw-nav" aria-label="Main"><ul>
  <li><a href="/inbox" aria-current="page">Inbox <span class="gw-count">3</span></a></li>
  <li><a href="/models">Models</a></li></ul></nav>
<main id="content"><div class="gw-page-head"><h1>{title}</h1></div>{body}</main>
</div>
</body>
</html>
"""

_VIEWER = """<section class="gw-card"><div class="gw-card-body">
<div data-viewer data-label="Release a model" data-xml-url="/xml" data-state-url="/state"
 data-events-url="/events"></div>
</div></section>"""

_MODELER = """<div data-modeler data-xml-url="/xml" data-save-url="/save" data-check-url="/check"
 data-handlers-url="/handlers" data-csrf="token-of-the-form"></div>"""

_PARTS = """
<div class="gw-notice" data-state="waiting"><p><strong>Waiting for a risk manager.</strong>
Decide on credit@7.</p></div>
<section class="gw-card"><header><h2>Tasks</h2><div class="gw-card-acts"><a class="btn btn-sm btn-primary" href="/new">
Register a model</a> <button class="btn btn-sm btn-outline-secondary">Export</button></div></header>
<div class="gw-scroll"><table class="gw-table"><thead><tr><th scope="col">Task</th><th scope="col">State</th>
<th scope="col" class="gw-number">Rows</th></tr></thead><tbody>
<tr><th scope="row"><a href="/t">Approve credit@7</a></th><td><span class="gw-state" data-state="waiting">waiting</span>
</td><td class="gw-number">29,793</td></tr>
<tr><th scope="row">Train</th><td><span class="gw-state" data-state="moving">running</span></td>
<td class="gw-number">1</td></tr>
<tr><th scope="row">Deploy</th><td><span class="gw-state" data-state="failed">failed</span></td>
<td class="gw-number">0</td></tr>
<tr><th scope="row">Review</th><td><span class="gw-state" data-state="attention">overdue</span></td>
<td class="gw-number">7</td></tr>
<tr><th scope="row">Register</th><td><span class="gw-state" data-state="done">done</span></td>
<td class="gw-number">12</td></tr>
<tr><th scope="row">Retire</th><td><span class="gw-state">not yet</span></td><td class="gw-number">-</td></tr>
</tbody></table></div></section>
<div class="gw-beside"><div class="gw-card"><header><h2>Evidence</h2></header><div class="gw-card-body">
<dl class="gw-facts"><dt>AUC</dt><dd><span class="gw-figure">0.823</span> 0.811 to 0.835</dd>
<dt>Data</dt><dd class="gw-digest">3f1a9c0e77b2</dd></dl>
<ol class="gw-timeline"><li data-state="done"><time>10:02</time>Registered by Ada</li>
<li data-state="failed"><time>10:05</time>Own approval refused</li><li><time>10:07</time>Waits for Grace</li></ol>
</div></div><aside class="gw-card"><header><h2>Decision</h2></header><form class="gw-card-body" method="post">
<label class="form-label" for="why">Reason</label><textarea class="form-control" id="why"></textarea>
<p class="form-text">Kept in the audit trail.</p><div class="form-check"><input class="form-check-input" type="checkbox"
 id="read" checked><label class="form-check-label" for="read">I have read the evidence</label></div>
<button class="btn btn-primary">Approve</button> <button class="btn btn-outline-danger">Reject</button>
</form></aside></div>
<div class="gw-card"><div class="gw-empty"><h2>No incidents</h2><p>Nothing failed.</p></div></div>
"""


@dataclass(slots=True)
class Pages:
    """The server's side of the pages: what it answers, and what it was sent."""

    address: str = ""
    xml: bytes = field(default_factory=DIAGRAM.read_bytes)
    state: dict[str, Any] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    streams: list[queue.Queue[str]] = field(default_factory=list)
    save_problem: tuple[int, dict[str, Any]] | None = None

    def begin_anew(self) -> None:
        """Forget what a test has changed or sent; the address stays."""
        new = Pages(address=self.address)
        for each in fields(self):
            setattr(self, each.name, getattr(new, each.name))

    def tell(self) -> None:
        """Tell every page that listens of a change."""
        for stream in self.streams:
            stream.put("event: changed\ndata: 1\n\n")


def _app(pages: Pages) -> Flask:
    app = Flask(__name__, static_folder=str(bundle.DIST), static_url_path="/dist")
    app.json.sort_keys = False  # type: ignore[attr-defined]

    def page(title: str, body: str, entry: str | None = None) -> str:
        named = {"theme": "theme.js", "app": "app.js", "app_css": "app.css"}
        names = {key: bundle.file_name(name) for key, name in named.items()}
        script = f'<script type="module" src="/dist/{bundle.file_name(f"{entry}.js")}"></script>' if entry else ""
        style = f'<link rel="stylesheet" href="/dist/{bundle.file_name(f"{entry}.css")}">' if entry else ""
        return _PAGE.format(title=title, body=body, script=script, style=style, **names)

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.get("/viewer")
    def viewer() -> str:
        return page("Release of credit@7", _VIEWER, "viewer")

    @app.get("/modeler")
    def modeler() -> str:
        return page("Draw: release a model", _MODELER, "modeler")

    @app.get("/parts")
    def parts() -> str:
        return page("Parts", _PARTS)

    @app.get("/xml")
    def xml() -> Response:
        return Response(pages.xml, mimetype="application/xml")

    @app.get("/state")
    def state() -> dict[str, Any]:
        return pages.state

    @app.get("/handlers")
    def handlers() -> dict[str, Any]:
        return VOCABULARY

    @app.get("/events")
    def events() -> Response:
        mine: queue.Queue[str] = queue.Queue()
        pages.streams.append(mine)

        def stream() -> Iterator[str]:
            yield ": open\n\n"
            while True:
                try:
                    yield mine.get(timeout=0.5)
                except queue.Empty:
                    yield ": still here\n\n"

        return Response(stream(), mimetype="text/event-stream")

    @app.post("/check")
    def check() -> dict[str, Any]:
        pages.tokens.append(request.headers.get("X-CSRFToken"))
        return {"issues": pages.issues}

    @app.post("/save")
    def save() -> Response | dict[str, Any]:
        pages.tokens.append(request.headers.get("X-CSRFToken"))
        if pages.save_problem:
            status, problem = pages.save_problem
            return Response(json.dumps(problem), status=status, mimetype="application/problem+json")
        pages.saved.append(request.get_data(as_text=True))
        return {"message": "Draft 1 saved."}

    return app


@contextmanager
def serve() -> Iterator[Pages]:
    """The server at a free port of the loopback address, while the context lasts."""
    pages = Pages()
    server = make_server("127.0.0.1", 0, _app(pages), threaded=True)
    pages.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
