"""The parts of docs/ that are made from the code: `python -m tests.docs.pages` writes them, test_docs.py compares.

A part stands between `<!-- name -->` and `<!-- /name -->`; what is around it is written by hand.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import engine
import web
from engine import handlers, statistics
from engine.bpmn.proofs import policy_files
from engine.config import Settings
from engine.errors import GatewrightError
from engine.identity import PERMISSIONS, ROLES
from engine.monitoring import measures, performance
from engine.runtime import figures, proofs, registry
from engine.store.sessions import POOLS
from engine.telemetry import metrics

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

#: rooms in the order in which docs/errors.md tells their errors
ROOMS = {
    "engine.bpmn": "Diagrams",
    "engine.runtime": "Life cycles that run",
    "engine.handlers": "Service tasks and evidence",
    "engine.governance": "Approvals",
    "engine.inventory": "Models",
    "engine.training": "Training and tests",
    "engine.sandbox": "The sandbox",
    "engine.serving": "Deployments and scoring",
    "engine.inferences": "Inferences",
    "engine.identity": "People",
    "engine.audit": "The audit log",
    "engine.store": "Database and files",
    "engine.telemetry": "Logs, metrics, traces",
    "engine.monitoring": "Monitoring",
    "engine.integrations": "Other tools",
    "web": "Pages, API and command line",
}


def modules() -> list[str]:
    """The names of all modules of engine and web, but for those that run when they are imported."""
    return [
        found.name
        for package in (engine, web)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not re.search(r"\.(__main__|env|versions\.\d.*)$|^web\.(hatch_build|frontend)", found.name)
    ]


def errors() -> list[type[GatewrightError]]:
    """Every child of GatewrightError in our own rooms, by room and code."""
    for name in modules():
        with suppress(Exception):  # test_errors.py imports each by itself and fails by name
            importlib.import_module(name)

    def children(of: type[GatewrightError]) -> Iterator[type[GatewrightError]]:
        for child in of.__subclasses__():
            yield child
            yield from children(child)

    ours = {each for each in children(GatewrightError) if each.__module__.startswith(("engine.", "web."))}
    return sorted(ours, key=lambda each: (each.code, each.__module__))


def room(error: type[GatewrightError]) -> str:
    """The room of an error, as ROOMS names it."""
    return next(name for name in ROOMS if error.__module__ == name or error.__module__.startswith(f"{name}."))


def plain(template: str) -> str:
    """A message as a reader sees it: facts in italics, on one line, safe in a table."""
    told = re.sub(r"(?<!\{)\{(\w+)(?:![rsa])?(?::[^}]*)?\}(?!\})", r"*\1*", " ".join(template.split()))
    told = told.replace("{{", "{").replace("}}", "}")
    return _cell(told)


def _cell(text: str) -> str:
    """Text that may stand in a cell of a table."""
    outside = text.split("`")
    outside[::2] = [part.replace("<", "&lt;").replace(">", "&gt;") for part in outside[::2]]
    return "`".join(outside).replace("|", "\\|")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def errors_part() -> str:
    """One table a room: code, what is said, the way on, the HTTP status."""
    found, parts = errors(), []
    for name, title in ROOMS.items():
        rows = [
            [f'<a id="{each.code}"></a>`{each.code}`', plain(each.__doc__ or ""), plain(each.hint), str(each.status)]
            for each in found
            if room(each) == name
        ]
        if rows:
            parts.append(f"### {title}\n\n" + _table(["code", "what is said", "way on", "HTTP"], rows))
    return "\n\n".join(parts)


def settings_part() -> str:
    """Every setting: variable, default, meaning."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{json.dumps(field.default, default=str).strip(chr(34))}`"
        rows.append([f"`GATEWRIGHT_{name.upper()}`", default, _cell(field.description or "")])
    return _table(["variable", "default", "meaning"], rows)


def service_task_part(task: registry.ServiceTask) -> str:
    """What the registry says of one service task."""
    retried = f"at most {task.attempts} attempts" if task.kind == "job" else "exactly once"
    lines = [task.summary, "", f"- kind: {task.kind}, {retried}"]
    schema = task.parameters.model_json_schema()
    for name, field in schema.get("properties", {}).items():
        needed = "" if name in schema.get("required", []) else ", may be left out"
        choices = ", ".join(f"`{each}`" for each in field.get("enum", []))
        kind = f"one of {choices}" if choices else field.get("type", "any JSON value")
        lines.append(f"- parameter `{name}` ({kind}{needed}): {field.get('description', '')}")
    if task.kind == "job":
        lines.append(f"- limits: {_limits(task)}")
    if task.errors:
        lines.append(f"- errors: {', '.join(f'`{each}`' for each in task.errors)}")
    return "\n".join(lines)


def _limits(task: registry.ServiceTask) -> str:
    """What a handler that runs as a job declares of limits."""
    found, told = task.limits, []
    if found.concurrency is not None:
        told.append(f"at most {found.concurrency} at a time")
    if found.rate:
        told.append(f"at most {found.rate.starts} starts in {found.rate.per_seconds:g} s")
    if found.breaker:
        of = "a breaker for each outside thing that it asks" if task.asks else "a breaker"
        told.append(f"{of}, after {found.breaker.failures} technical failures in a row")
    return ", ".join(told) or "none"


def evidence_part() -> str:
    """Every evidence provider and what it shows."""
    names = sorted(registry.vocabulary(frozenset()).evidence)
    rows = [[f"`{name}`", _first_line(registry.find_evidence(name))] for name in names]
    return _table(["provider", "what it shows"], rows)


def task_kinds_part() -> str:
    """Every kind of user task and what its completion does."""
    rows = [["`form`", "The answer goes to the process, and nothing else happens."]]
    for name in sorted(registry.vocabulary(frozenset()).task_kinds - {"form"}):
        kind = registry.find_task_kind(name)
        rows.append([f"`{name}`", _first_line(kind.completed) if kind else ""])
    return _table(["kind", "what completing it does"], rows)


def roles_part() -> str:
    """The ten roles."""
    return _table(["role", "who has it"], [[f"`{name}`", told] for name, told in ROLES.items()])


def permissions_part() -> str:
    """Permission by permission, the roles that have it."""
    rows = []
    for permission, holders in PERMISSIONS.items():
        missing = [name for name in ROLES if name not in holders]
        if not missing:
            who = "everyone who is signed in"
        elif len(missing) <= 3:
            who = "everyone but " + ", ".join(f"`{name}`" for name in missing)
        else:
            who = ", ".join(f"`{name}`" for name in ROLES if name in holders)
        rows.append([f"`{permission}`", who])
    return _table(["permission", "roles"], rows)


def pools_part() -> str:
    """The connections of each process: kept, and opened on top under load."""
    rows = [[name, str(kept), str(kept + more)] for name, (kept, more) in POOLS.items()]
    return _table(["process", "kept open", "at most"], rows)


def told_part() -> str:
    """Every metric: of the processes, then what the database knows."""
    rows = [[f"`{each.name}`", each.kind, _labels(each.labels), each.where, _cell(each.help)] for each in metrics.TOLD]
    rows += [
        [f"`{name}`", "gauge", _labels(labels), "web", _cell(help)] for name, (help, labels) in figures.GAUGES.items()
    ]
    return _table(["metric", "kind", "labels", "of", "what it tells"], sorted(rows))


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command, by its words."""
    from typer.main import get_command

    from web.cli.main import app

    def below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield words, command
        else:
            for name in sorted(inner):
                yield from below(f"{words} {name}", inner[name])

    yield from below("gatewright", get_command(app))


def commands_part() -> str:
    """Every command with its arguments and options."""
    parts = []
    for words, command in commands():
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option" and not _common(each)]
        shown = " ".join([words, *(_argument(each) for each in arguments)])
        lines = [f"### {words}", "", f"    {shown}", "", "\n\n".join(_paragraphs(command.help or ""))]
        told = [f"- `{each.name.upper()}`: {_help(each)}" for each in arguments if _help(each)]
        for each in options:
            names = ", ".join([*each.opts, *each.secondary_opts])
            told.append(f"- `{names}`{': ' if _help(each) else ''}{_help(each)}")
        parts.append("\n".join([*lines, *([""] if told else []), *told]))
    return "\n\n".join(parts)


def operations_part() -> str:
    """Every operation of the API."""
    from web.api import document

    parts: dict[str, list[list[str]]] = {}
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            head = (told.get("tags") or ["Other"])[0]
            parts.setdefault(head, []).append([f"`{method.upper()} {path}`", _cell(told.get("summary", ""))])
    return "\n\n".join(f"### {head}\n\n" + _table(["operation", "what it does"], rows) for head, rows in parts.items())


def _common(option: Any) -> bool:
    """Told once at the top of the page."""
    return option.name in ("help", "as_") or (option.name == "json_" and option.is_flag)


def _help(parameter: Any) -> str:
    return _cell(" ".join((getattr(parameter, "help", None) or "").split())).replace("*.", "\\*.")


def _argument(parameter: Any) -> str:
    name = parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def _paragraphs(text: str) -> list[str]:
    return [_cell(" ".join(each.split())) for each in inspect.cleandoc(text).split("\n\n") if each.strip()]


def _first_line(function: Callable[..., Any]) -> str:
    return _cell((inspect.getdoc(function) or "").split("\n", 1)[0])


def parts() -> dict[str, dict[str, str]]:
    """Page -> name of a part -> its text."""
    handlers.load()
    return {
        "errors.md": {"errors": errors_part()},
        "policies.md": {
            "policies": policies_part(),
            "policy-file": fields_part(policy_files.PolicyFile),
            "policy-step": fields_part(policy_files.StepPart),
        },
        "configuration.md": {"settings": settings_part()},
        "metrics.md": {"from-counts": from_counts_part(), "formulas": formulas_part()},
        "monitoring.md": {"default-bounds": default_bounds_part()},
        "service-tasks.md": {f"service-task {task.name}": service_task_part(task) for task in ours()},
        "user-tasks.md": {"evidence": evidence_part(), "task-kinds": task_kinds_part()},
        "security.md": {"roles": roles_part(), "permissions": permissions_part()},
        "operating.md": {"connections": pools_part()},
        "observability.md": {"told": told_part()},
        "command-line.md": {"commands": commands_part()},
        "api.md": {"operations": operations_part()},
    }


def policies_part() -> str:
    """The policies that ship."""
    rows = [
        [
            f"`{each.name}` {each.version}",
            ", ".join(sorted(each.tiers or ["all"])),
            each.form,
            _cell(each.title),
            _cell(each.source),
        ]
        for each in proofs.policies()
    ]
    return _table(["policy", "tiers", "form", "what holds on every path", "source"], rows)


def fields_part(model: type[BaseModel]) -> str:
    """The fields of a file, or of a part of it."""
    return _table(["field", "meaning"], [[f"`{n}`", _cell(f.description or "")] for n, f in model.model_fields.items()])


def from_counts_part() -> str:
    """How far each metric of a monitor lies off its form from rows."""
    by_error: dict[str, list[str]] = {}
    for name, error in performance.FROM_COUNTS.items():
        by_error.setdefault(error, []).append(f"`{name}`")
    return _table(["from counts", "how far off the form from rows"], [[", ".join(n), e] for e, n in by_error.items()])


def formulas_part() -> str:
    """Each metric as its function tells it: formula, source, what the interval is, what it cannot do."""
    return "\n\n".join(
        f"### {name}\n\n{inspect.getdoc(metric.function)}" for name, metric in sorted(statistics.all_metrics().items())
    )


def default_bounds_part() -> str:
    """The bounds that hold where nobody set any, and where they come from."""
    rows = [
        [f"`{metric}`", f"`{measure.name}`", *_bounds(each), _cell(each.origin)]
        for measure in measures.all_measures().values()
        if measure.function.__module__.startswith("engine.")
        for metric, each in measure.bounds.items()
    ]
    return _table(["metric", "measure", "warns", "breaks", "where it comes from"], rows)


def _bounds(default: measures.Default) -> list[str]:
    drop = default.drop or (None, None)
    told = [
        f"{'never' if bound == float('inf') else f'{bound:g}'}"
        if off is None
        else f"{off:g} off the test's; without one {bound:g}"
        for bound, off in zip((default.warn, default.breach), drop, strict=True)
    ]
    return told


def ours() -> list[registry.ServiceTask]:
    """The service tasks that come with Gatewright; a test may have registered others."""
    return [task for task in registry.service_tasks() if task.function.__module__.startswith("engine.")]


def filled(page: str, name: str, text: str) -> str:
    """The page with the part of this name; raises ValueError where it has no place for it."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs exactly one {start} and one {end}")
    before, after = page.partition(start)[0], page.partition(end)[2]
    return f"{before}{start}\n{text}\n{end}{after}"


def main() -> None:
    """Write every part into its page."""
    for name, of_page in parts().items():
        path = DOCS / name
        page = path.read_text(encoding="utf-8")
        for part, text in of_page.items():
            page = filled(page, part, text)
        path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
