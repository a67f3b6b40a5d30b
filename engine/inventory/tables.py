"""The tables of the inventory; what leaves this room is a value made of them."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

_SCHEMA = {"schema": "inventory"}


class ModelRow(Base):
    """A model: what its team declared, and the tier it was given."""

    __tablename__ = "models"
    __table_args__ = _SCHEMA

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    owner: Mapped[str]
    team: Mapped[str]
    tool: Mapped[str]
    purpose: Mapped[str]
    affects_people: Mapped[bool]
    decisions_per_year: Mapped[int] = mapped_column(BigInteger)
    environment: Mapped[str]
    metadata_json: Mapped[dict[str, Any]] = mapped_column("metadata")  #: all of it, as declared
    tier: Mapped[str | None]
    revision: Mapped[int]
    registered_at: Mapped[Moment]
    registered_by: Mapped[str]
    retired_at: Mapped[Moment | None]


class VersionRow(Base):
    """A version of a model; its files are assets."""

    __tablename__ = "versions"
    __table_args__ = (CheckConstraint("source IN ('trained', 'uploaded')", name="source"), _SCHEMA)

    model: Mapped[str] = mapped_column(ForeignKey("inventory.models.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    parameters: Mapped[dict[str, Any]]
    note: Mapped[str]
    created_at: Mapped[Moment]
    created_by: Mapped[str]
    tested_at: Mapped[Moment | None]
    test_passed: Mapped[bool | None]
    metrics: Mapped[dict[str, Any]]  #: name -> estimate of the last test


class AssetRow(Base):
    """A file of a version in one of its roles; replaced ones stay, with the time at which they were replaced."""

    __tablename__ = "assets"
    __table_args__ = (
        ForeignKeyConstraint(["model", "number"], ["inventory.versions.model", "inventory.versions.number"]),
        Index(
            "uq_assets_current",
            "model",
            "number",
            "role",
            "name",
            unique=True,
            postgresql_where=text("replaced_at IS NULL"),
        ),
        Index("ix_assets_digest", "digest"),
        _SCHEMA,
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    number: Mapped[int]
    role: Mapped[str]
    name: Mapped[str]
    digest: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[Moment]
    added_by: Mapped[str]
    replaced_at: Mapped[Moment | None]


class RiskRow(Base):
    """A risk that somebody sees in a model."""

    __tablename__ = "risks"
    __table_args__ = (
        CheckConstraint("level IN ('low', 'medium', 'high')", name="level"),
        Index("ix_risks_model", "model"),
        _SCHEMA,
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("inventory.models.id"))
    level: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    owner: Mapped[str]
    due: Mapped[date]
    opened_at: Mapped[Moment]
    opened_by: Mapped[str]
    closed_at: Mapped[Moment | None]
    closed_by: Mapped[str | None]
    resolution: Mapped[str | None]
