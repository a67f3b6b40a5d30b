"""Passwords, kept as argon2id hashes with the parameters that OWASP's password storage cheat sheet names first."""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from engine.errors import GatewrightError

SHORTEST, LONGEST, BESIDE_NAME = 12, 256, 16

# 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODYS = _HASHER.hash(secrets.token_urlsafe(24))


class PasswordTooWeak(GatewrightError):
    """This password is not accepted: {reason}."""

    code = "password-weak"
    hint = "Take 12 characters or more; several unrelated words are good."
    status = 422


def hashed(password: str, *, person: str) -> str:
    """The argon2id hash of an acceptable password; raises PasswordTooWeak."""
    if len(password) < SHORTEST:
        raise PasswordTooWeak(reason=f"it has {len(password)} characters, {SHORTEST} are the least")
    if len(password) > LONGEST:
        raise PasswordTooWeak(reason=f"it has {len(password)} characters, {LONGEST} are the most")
    # A name of three letters turns up in a random password by chance: with enough beside it, that is no weakness.
    if person.lower() in password.lower() and len(password.lower().replace(person.lower(), "")) < BESIDE_NAME:
        raise PasswordTooWeak(reason=f"it holds the login name and fewer than {BESIDE_NAME} characters beside it")
    if len(set(password)) < 5:
        raise PasswordTooWeak(reason="it repeats a few characters")
    return _HASHER.hash(_bytes(password))


def one_time() -> str:
    """A random password that its owner has to change at the first sign-in."""
    return secrets.token_urlsafe(15)


def matches(password: str, kept: str | None) -> bool:
    """Whether the password is the one that was kept; takes as long where there is none."""
    try:
        _HASHER.verify(kept or _NOBODYS, _bytes(password[: LONGEST + 1]))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return kept is not None


def _bytes(password: str) -> bytes:
    """The same bytes for the same password, whichever way a keyboard composes its accents."""
    return unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")


def outdated(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)
