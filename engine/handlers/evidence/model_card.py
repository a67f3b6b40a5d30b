"""Evidence `model_card`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from engine.handlers import subjects
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.registry import Evidence, evidence
from engine.store import files

#: documents up to this size are shown as text
_SHOWN_BYTES = 100_000


@evidence("model_card")
def model_card(session: Session, ctx: Context) -> Evidence:
    """What the version is for, who owns it, its assets by digest, its gaps and its documents."""
    model = queries.model(session, ctx.subject)
    version = subjects.in_hand(session, ctx)
    assets = queries.assets(session, version.ref)
    declared = model.metadata.model_dump(mode="json")
    declared.pop("input_schema", None)
    return Evidence(
        title="Model card",
        content={
            "version": str(version.ref),
            "made_by": version.created_by,
            "made_at": version.created_at.isoformat(),
            "source": version.source,
            "tier": model.tier,
            "declared": declared,
            "assets": [
                {"role": each.role, "name": each.name, "digest": each.digest, "size": each.size}
                for each in assets
                if each.role not in ("tests", "reference", "attributions")  # shown, and covered, as the test report
            ],
            "gaps": [f"{gap.name}: {gap.reason}" for gap in subjects.gaps(session, version.ref)],
            "documents": [
                {"name": each.name, "digest": each.digest, "text": _text(session, each.digest, each.size)}
                for each in assets
                if each.role == "documentation"
            ],
        },
    )


def _text(session: Session, digest: str, size: int) -> str | None:
    if size > _SHOWN_BYTES:
        return None
    return files(session).read(digest).decode("utf-8", "replace")
