"""Secrets that someone holds and we only recognise: 256 random bits, kept as their sha256."""

from __future__ import annotations

import hashlib
import secrets


def made(prefix: str) -> tuple[str, bytes]:
    """A new secret, to be shown once, and the digest that is kept. It needs no salt: nobody guesses 256 bits."""
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    return secret, digest(secret)


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
