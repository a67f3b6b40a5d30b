"""`gatewright process`: life cycles as definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="Check, publish, list and start life cycles.")

Folder = Annotated[Path, typer.Argument(help="Holds process.bpmn, with its *.dmn and *.form.json.", exists=True)]


@app.command()
def validate(folder: Folder, json_: Json = False, as_: As = "") -> None:
    """Check a diagram against this house, and prove over all its paths what its policies ask; exit code 1 on errors."""
    from engine import bpmn, handlers
    from engine.bpmn.proofs import describe
    from engine.runtime import definitions
    from web.cli import acting, output

    handlers.load()
    with acting.reading(as_, "process.view") as (session, _):
        # Of a file with several processes each is a definition of its own.
        examined = [definitions.examine(session, each) for each in bpmn.apart(_files(folder)).values()]
    issues = [issue for each in examined for issue in each.issues]
    found = [
        {name: getattr(issue, name) for name in ("severity", "rule", "element", "name", "line", "reason", "hint")}
        for issue in issues
    ]
    output.rows(
        found,
        ["severity", "element", "name", "line", "reason", "hint"],
        as_json=json_,
        empty=f"{folder}: nothing to complain of.",
    )
    for proof in [each.proof for each in examined if each.proof is not None and not json_]:
        told = f"Proof {proof.digest[:12]}" + (f" of {proof.process}" if len(examined) > 1 else "")
        typer.echo(f"{told}: {proof.n_configurations:,} of at most {proof.bound:,} configurations.")
        verdicts = [
            {
                "kind": each.kind,
                "property": each.name,
                "verdict": each.outcome,
                "why": " ".join(part for part in (each.reason, describe(each.path)) if part),
            }
            for each in proof.verdicts
        ]
        output.rows(verdicts, ["kind", "property", "verdict", "why"], as_json=False, empty="Nothing was asked.")
    if any(issue.severity == "error" for issue in issues):
        raise typer.Exit(1)


@app.command()
def publish(
    folder: Annotated[Path | None, typer.Argument(help="Put this folder before a second architect.")] = None,
    accept: Annotated[str, typer.Option(metavar="ID", help="Publish the draft of this id, as its reviewer.")] = "",
    comment: Annotated[str, typer.Option(help="The reviewer's word.")] = "",
    accept_undecided: Annotated[
        bool, typer.Option(help="Answer for what the proof did not decide; needs a comment that says why.")
    ] = False,
    as_: As = "",
) -> None:
    """Publish a life cycle, in two acts by two architects: `publish FOLDER`, then `publish --accept ID` by another."""
    from uuid import UUID

    from engine.runtime import definitions
    from engine.store import transaction
    from web.cli import acting

    if (folder is None) == (not accept):
        raise typer.BadParameter("name either a folder or --accept ID")
    with acting.acting(as_, "process publish") as (store, person):
        if folder is None:
            with transaction(store) as session:
                published = definitions.publish(
                    session, person, UUID(accept), comment, undecided_accepted=accept_undecided
                )
            typer.echo(f"Published {published.label} ({published.sha256}).")
            return
        with transaction(store) as session:
            drafts = definitions.draft_each(session, person, _files(folder))
            for drafted in drafts:
                definitions.submit(session, person, drafted.id)
    for drafted in drafts:
        typer.echo(
            f"{drafted.name} waits for its review. Another architect: gatewright process publish --accept {drafted.id}"
        )


@app.command(name="list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Older versions and drafts, too.")] = False,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List the life cycles that can be started."""
    from engine.runtime import queries
    from web.cli import acting, output

    with acting.reading(as_, "process.view") as (session, _):
        found = queries.definition_list(session).rows if everything else queries.library(session)
        rows = [
            {name: getattr(each, name) for name in ("id", "name", "version", "state", "title", "author", "sha256")}
            for each in found
        ]
    output.rows(rows, ["name", "version", "state", "title", "id"], as_json=json_, empty="Nothing is published yet.")


@app.command()
def waits(
    name: Annotated[str, typer.Argument(help="The life cycle's id, as `process list` shows it.")],
    version: Annotated[int | None, typer.Option(min=1, help="Only instances of this version.")] = None,
    json_: Json = False,
    as_: As = "",
) -> None:
    """Show what the instances of a life cycle waited for, for whom and how long, the longest in total first."""
    from engine.runtime import definitions
    from engine.runtime import waits as history
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "instance.view") as (session, _):
        definitions.latest(session, name)
        found = history.of_process(session, name, version=version)
    output.rows(
        [plain(each) for each in found],
        ["process", "element", "part", "owed_by", "n", "median_seconds", "p90_seconds", "total_seconds"],
        as_json=json_,
        empty="Nothing waited yet.",
    )


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="The life cycle's id, as `process list` shows it.")],
    subject: Annotated[str, typer.Option(help="What it is about: a model's id.")] = "",
    answer: Annotated[str, typer.Option(metavar="JSON", help="The answer to the start form.")] = "{}",
    as_: As = "",
) -> None:
    """Start a life cycle; prints the id of its instance."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "process start") as (store, person):
        typer.echo(instances.start(store, person, name, subject, json_object(answer)))


def json_object(text: str) -> dict[str, Any]:
    """The JSON object of an option; a usage error where it is none."""
    try:
        found = json.loads(text)
    except ValueError as reason:
        raise typer.BadParameter(f"{text!r} is no JSON: {reason}") from reason
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{text!r} is no JSON object")
    return found


def _files(folder: Path) -> dict[str, bytes]:
    from web import shipped

    if folder.is_file():
        return {folder.name: folder.read_bytes()}
    return shipped.files(folder)
