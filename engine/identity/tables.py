"""The tables of people and of how they prove who they are."""

from __future__ import annotations

import uuid

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

_SCHEMA = {"schema": "identity"}
_PERSON = "identity.people.id"


class PersonRow(Base):
    """A person with an account; accounts are disabled, never deleted, since the log names them."""

    __tablename__ = "people"
    __table_args__ = _SCHEMA

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    password: Mapped[str | None]  #: an argon2id hash; None: cannot sign in
    must_change_password: Mapped[bool]
    added_at: Mapped[Moment]
    disabled_at: Mapped[Moment | None]


class RoleRow(Base):
    """A role that a person has."""

    __tablename__ = "roles"
    __table_args__ = _SCHEMA

    person: Mapped[str] = mapped_column(ForeignKey(_PERSON), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class SessionRow(Base):
    """A browser that is signed in; what the cookie holds is not here, only its sha256."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_person", "person"), Index("ix_sessions_ends_at", "ends_at"), _SCHEMA)

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey(_PERSON))
    began_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    ends_at: Mapped[Moment]  #: the absolute end, however busy it is
    revoked_at: Mapped[Moment | None]
    address: Mapped[str]
    agent: Mapped[str]


class TokenRow(Base):
    """A token of the API or of scoring; the token itself is not here, only its sha256."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("digest"), Index("ix_tokens_person", "person"), _SCHEMA)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    person: Mapped[str] = mapped_column(ForeignKey(_PERSON))
    name: Mapped[str]
    scopes: Mapped[list[str]]
    issued_at: Mapped[Moment]
    ends_at: Mapped[Moment | None]
    used_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]


class SignInFailure(Base):
    """A sign-in that failed, counted for a while per account and per address."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("ix_sign_in_failures_account_at", "account", "at"),
        Index("ix_sign_in_failures_address_at", "address", "at"),
        _SCHEMA,
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account: Mapped[str]
    address: Mapped[str]
    at: Mapped[Moment]
