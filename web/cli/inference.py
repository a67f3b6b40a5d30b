"""`gatewright inference`: from an answer of a model back to all that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from web.cli.acting import As, Json

if TYPE_CHECKING:
    from engine.governance.lineage import Lineage

app = typer.Typer(no_args_is_help=True, help="Lead answers of models back to version, data, step and approver.")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="Of the inference, of its request, or the caller's reference of it.")],
    json_: Json = False,
    as_: As = "",
) -> None:
    """Show an inference with its version, data, life-cycle step and approvers; where an id has several, list them."""
    from engine.governance import lineage
    from engine.inferences import retention, search
    from engine.inferences.queries import InferenceUnknown
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "inference.view") as (session, _):
        named = search.by_any_id(session, id)
        if not named:
            retention.refuse_dropped(session, id)
            raise InferenceUnknown(id=id)
        if len(named) > 1:
            columns = ["id", "model", "version", "event_time", "decision", "score", "caller_reference"]
            output.rows([plain(each) for each in named], columns, as_json=json_, empty="")
            return
        found = lineage.of_inference(session, named[0].id)
    if json_:
        output.facts(plain(found), as_json=True)
        return
    output.facts(_facts(found), as_json=False)
    for each in found.steps:
        what = "approved" if each.kind == "userTask" else "deployed"
        typer.echo(f"step      {what} at {each.element}, {each.process} version {each.version} of {each.instance}")
    for given in found.approvals:
        at = f"{given.decided_at:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"approver  {given.actor} as {given.role}, {at}{f': {given.comment}' if given.comment else ''}")
    for role, digest in found.inputs.items():
        typer.echo(f"sha256    {digest}  {role}")


@app.command()
def explain(
    id: Annotated[str, typer.Argument(help="The inference's own id.")],
    json_: Json = False,
    as_: As = "",
) -> None:
    """Tell what each column contributed to an answer, the furthest first; asks the model in the sandbox."""
    from uuid import UUID

    from engine.governance import explanations
    from engine.inferences.queries import InferenceUnknown
    from web.cli import acting, output
    from web.plain import plain

    try:
        inference = UUID(id)
    except ValueError:
        raise InferenceUnknown(id=id) from None
    with acting.acting(as_, "inference explain") as (store, person):
        found = explanations.of_inference(store, person, inference)
    told = found.explanation.attribution
    if json_:
        output.facts(plain(found), as_json=True)
        return
    facts = {"answer": told.output, "decision": found.decision, "on average": told.base}
    facts |= {"reasons": found.explanation.reasons, "told": found.explanation.told}
    for name in told.furthest_first:
        facts[f"{name} = {found.explanation.columns[name]}"] = f"{told.values[name]:+.6f}"
    output.facts({**facts, "left unexplained": f"{found.explanation.residual:.2g}"}, as_json=False)


def _facts(found: Lineage) -> dict[str, Any]:
    one, deployment, version = found.inference, found.deployment, found.version
    return {
        "inference": one.id,
        "version": f"{deployment.reference}, {version.source} by {version.created_by}",
        "happened": one.event_time,
        "answered": one.logged_at,
        "decision": one.decision,
        "score": one.score,
        "truth": found.label and found.label.value,
        "asked_by": one.caller,
        "reference": one.caller_reference,
        "request": f"{one.request}, row {one.position + 1} of {one.request_rows}",
        "asked": one.input,
        "deployed": f"in {deployment.environment}, asked for by {deployment.requested_by}",
    }
