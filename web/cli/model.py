"""`gatewright model`: the inventory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="Register, list, show and reproduce models.")


@app.command(name="list")
def list_(
    search: Annotated[str, typer.Option(help="In id, name, owner, team, tool and purpose.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List the models."""
    from engine.inventory import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "model.view") as (session, _):
        found = queries.models(session, search=search, limit=limit).items
    rows = [
        {
            **plain(each.model),
            "state": each.state,
            "versions": each.n_versions,
            "latest": plain(each.latest),
            "open_risks": each.open_risks,
        }
        for each in found
    ]
    output.rows(
        rows,
        ["id", "name", "kind", "team", "owner", "tier", "state", "latest", "open_risks"],
        as_json=json_,
        empty="No model matches. Register one: gatewright model register FOLDER",
    )


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="The model's id.")],
    json_: Json = False,
    as_: As = "",
) -> None:
    """Show a model: what was declared, its versions, what each still owes, its risks, where it runs."""
    from engine.inventory import completeness, queries
    from engine.serving import queries as serving
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "model.view") as (session, _):
        model = queries.model(session, id)
        versions = queries.versions(session, id)
        gaps = {str(each.ref): completeness.score(session, each.ref) for each in versions}
        risks = queries.risks(session, id)
        routes = serving.routes(session, model=id)
    if json_:
        found = {"versions": versions, "completeness": gaps, "risks": risks, "routes": routes}
        output.facts({**plain(model), **plain(found)}, as_json=True)
        return
    shown = ("id", "name", "kind", "owner", "team", "tool", "purpose", "tier", "environment", "retired_at")
    output.facts({name: getattr(model, name) for name in shown}, as_json=False)
    for each in versions:
        missing = ", ".join(gap.name for gap in gaps[str(each.ref)].gaps) or "nothing"
        typer.echo(f"version   {each.ref} {each.state}, by {each.created_by}; still owes: {missing}")
    for risk in risks:
        typer.echo(
            f"risk      {risk.level}: {risk.title}, {risk.owner}, due {risk.due}{'' if risk.is_open else ', closed'}"
        )
    for route in routes:
        typer.echo(f"runs      {route.deployment.reference} in {route.environment}, {route.weight}%")


@app.command()
def register(
    folder: Annotated[Path, typer.Argument(help="Holds model.yaml and what it names.", exists=True, file_okay=False)],
    as_: As = "",
) -> None:
    """Register a model from a folder, or add a version to it where the model is registered already."""
    from engine.inventory import models, queries
    from engine.store import transaction
    from engine.training import plans
    from web import registering
    from web.cli import acting

    with acting.acting(as_, "model register") as (store, person):
        plan = registering.looked_at(store, plans.read(store.files, folder))
        with transaction(store) as session:
            try:
                queries.model(session, plan.metadata.id)
                done = "Added"
            except queries.ModelUnknown:
                models.register(session, person, plan.metadata)
                done = f"Registered {plan.metadata.id}, added"
            version = registering.add_version(session, person, plan)
    typer.echo(f"{done} {version.ref}.")
    if version.ref.number == 1:
        answer = f'{{"model": "{version.ref.model}"}}'
        typer.echo(f"Next: gatewright process start model_life_cycle --answer '{answer}'")


@app.command(name="import-mlflow")
def import_mlflow(
    name: Annotated[
        str, typer.Argument(help="The registered model in MLflow; without it, what is offered is listed.")
    ] = "",
    number: Annotated[str, typer.Option("--version", help="Its version; the newest unless said otherwise.")] = "",
    into: Annotated[str, typer.Option(help="The model here that gets it; unset: the one of that name.")] = "",
    declared: Annotated[
        Path | None,
        typer.Option(
            help="For a model that is new here: owner, team, purpose and so on, as in a model.yaml.", exists=True
        ),
    ] = None,
    search: Annotated[str, typer.Option(help="A part of the name, where they are listed.")] = "",
    json_: Json = False,
    as_: As = "",
) -> None:
    """Take a version over from the MLflow registry, or list what it offers."""
    from engine.identity import require
    from engine.inventory import metadata, queries
    from engine.store import transaction
    from engine.training import imports
    from engine.training.mlflow import Mlflow
    from web import registering
    from web.cli import acting, output
    from web.plain import plain

    with acting.acting(as_, "model import-mlflow") as (store, person):
        require(person, "model.register")
        server = Mlflow(store.settings)
        found = [each for each in imports.offered(server, search=name or search) if not name or each.name == name]
        if not name:
            rows = [plain(each) for each in found]
            output.rows(rows, ["name", "number", "run", "made_at"], as_json=json_, empty="MLflow offers no version.")
            return
        number = number or max((each.number for each in found if each.number.isdecimal()), key=int, default="1")
        with transaction(store) as session:
            try:
                given = queries.model(session, into or imports.slug(name)).metadata
            except queries.ModelUnknown:
                given = {
                    **(metadata.read_yaml(declared.read_bytes()) if declared else {}),
                    **({"id": into} if into else {}),
                }
        chosen = imports.read(server, store.files, store.settings, name=name, number=number, declared=given)
        version = registering.import_version(store, person, chosen)
    typer.echo(f"Took over {chosen.note} as {version.ref}.")


@app.command()
def reproduce(
    version: Annotated[str, typer.Argument(help="The version, as model@number.")],
    seed: Annotated[int | None, typer.Option(help="Another seed, to see that it is noticed.")] = None,
    json_: Json = False,
    as_: As = "",
) -> None:
    """Train a version again from what was kept; exit code 1 where the predictions differ."""
    from engine.inventory import queries
    from engine.inventory.references import VersionRef
    from engine.store import transaction
    from engine.training import reproductions
    from web import registering
    from web.cli import acting, output

    with acting.acting(as_, "model reproduce") as (store, person):
        ref = VersionRef.parse(version)
        with transaction(store) as session:
            kind, assets = queries.model(session, ref.model).kind, queries.asset_digests(session, ref)
        found = reproductions.reproduce(
            store.files, kind, assets, seed=seed, allow_network=store.settings.sandbox_allow_network
        )
        with transaction(store) as session:
            registering.record_reproduction(session, person, ref, found)
    output.facts(
        {
            "reproduced": found.reproduced,
            "predictions": found.predictions,
            "recorded": found.recorded,
            "differences": list(found.differences),
            "notes": list(found.notes),
        },
        as_json=json_,
    )
    if not found.reproduced:
        raise typer.Exit(1)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A version, as model@number.")],
    after: Annotated[str, typer.Argument(help="Another, of the same model or not.")],
    json_: Json = False,
    as_: As = "",
) -> None:
    """Tell what is different between two versions: assets, parameters, libraries, data, metrics, decisions."""
    from engine.governance import differences
    from engine.inventory.references import VersionRef
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "model.view") as (session, _):
        found = differences.between(session, VersionRef.parse(before), VersionRef.parse(after))
    if json_:
        output.facts(plain(found), as_json=True)
        return
    output.rows(
        [plain(each) for each in found.differences],
        ["part", "name", "before", "after"],
        as_json=False,
        empty=f"{before} and {after} are the same in all that is recorded.",
    )
    for text in found.texts:
        typer.echo("\n".join((f"--- {text.asset} of {before}", f"+++ {text.asset} of {after}", *text.lines)))


@app.command()
def labels(
    model: Annotated[str, typer.Argument(help="The model's id.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="Parquet, or CSV with a header line: inference or reference, value, known_at with its zone.",
            exists=True,
            dir_okay=False,
        ),
    ],
    json_: Json = False,
    as_: As = "",
) -> None:
    """Hand in what became known later about answers; a row that is wrong is named and refuses the whole file."""
    from engine.monitoring import label_files
    from engine.store import transaction
    from web.cli import acting, output
    from web.plain import plain

    with acting.acting(as_, "model labels") as (store, person), transaction(store) as session:
        taken = label_files.take(session, person, model=model, content=file.read_bytes())
    output.facts(plain(taken), as_json=json_)


@app.command(name="labels-by-query")
def labels_by_query(
    model: Annotated[str, typer.Argument(help="The model's id.")],
    query: Annotated[Path, typer.Argument(help="A file with one SELECT.", exists=True, dir_okay=False)],
    url_from: Annotated[str, typer.Option(help="X of the variable GATEWRIGHT_FEED_X that holds the address.")],
    since: Annotated[datetime, typer.Option(help="%(since)s of the query, UTC.")],
    until: Annotated[datetime, typer.Option(help="%(until)s of the query, UTC.")],
    json_: Json = False,
    as_: As = "",
) -> None:
    """Fetch what became known later from another PostgreSQL database, read-only: the columns of a file of labels."""
    from engine.monitoring import label_files
    from engine.store import transaction
    from web.cli import acting, output
    from web.plain import plain

    text = query.read_text(encoding="utf-8")
    first, last = (each.replace(tzinfo=UTC) for each in (since, until))
    with acting.acting(as_, "model labels-by-query") as (store, person):
        rows = label_files.asked(store, model, url_from=url_from, query=text, since=first, until=last)
        with transaction(store) as session:
            taken = label_files.take_rows(session, person, model=model, rows=rows)
    output.facts(plain(taken), as_json=json_)
