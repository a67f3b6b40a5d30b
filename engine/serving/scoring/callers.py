"""Who calls, by bearer token; looked up in the database at most every two seconds a token."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from engine.errors import GatewrightError
from engine.identity import require, tokens
from engine.identity.tokens import Bearer
from engine.store import Store, transaction

#: How long a look-up holds: a revoked token, or a role taken away, ends within this time.
SECONDS = 2.0
#: Look-ups kept; above it all are forgotten, so that made-up tokens cannot fill the memory.
MOST = 10_000


class TokenMissing(GatewrightError):
    """The request carries no token."""

    code = "token-missing"
    hint = (
        "Send `Authorization: Bearer <token>`; a token of scope score:<model>:<environment> is made on your own page."
    )
    status = 401


class TokenInvalid(GatewrightError):
    """The token is unknown, ended or revoked."""

    code = "token-invalid"
    hint = "Make a new one on your own page, or with `gatewright`'s API."
    status = 401


class ScopeMissing(GatewrightError):
    """The token of {person} does not stand for {scope}."""

    code = "scope-missing"
    hint = "Use a token with this scope; this one has: {scopes}."
    status = 403


class CallersUnknown(GatewrightError):
    """The token cannot be checked now: the database does not answer."""

    code = "callers-unknown"
    hint = "Send the request again shortly; it was neither scored nor logged."
    status = 503
    retry_after_seconds = 2


class Callers:
    """Tokens and whom they stand for."""

    def __init__(self, store: Store, threads: ThreadPoolExecutor) -> None:
        self._store, self._threads = store, threads
        self._known: dict[str, tuple[float, asyncio.Future[Bearer | None]]] = {}

    async def bearer(self, authorization: str) -> Bearer:
        """Who sent this Authorization header; raises TokenMissing, TokenInvalid or CallersUnknown."""
        scheme, _, secret = authorization.partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise TokenMissing()
        ends, looked_up = self._known.get(secret, (0.0, None))
        if looked_up is None or time.monotonic() > ends:
            if len(self._known) >= MOST:
                self._known.clear()
            # Kept before it is known, so that many requests with one token wait for one look-up.
            looked_up = asyncio.get_running_loop().run_in_executor(self._threads, self._look_up, secret)
            self._known[secret] = time.monotonic() + SECONDS, looked_up
        try:
            found = await asyncio.shield(looked_up)
        except SQLAlchemyError as cause:
            self._known.pop(secret, None)
            raise CallersUnknown() from cause
        if found is None:
            raise TokenInvalid()
        return found

    def _look_up(self, secret: str) -> Bearer | None:
        with transaction(self._store) as session:
            return tokens.resolve(session, secret)


def require_scope(bearer: Bearer, model: str, environment: str) -> None:
    """Raises ScopeMissing, or NotPermitted where the person behind the token may no longer score."""
    scope = f"score:{model}:{environment}"
    if not bearer.may(scope):
        raise ScopeMissing(person=bearer.person.id, scope=scope, scopes=", ".join(sorted(bearer.scopes)))
    require(bearer.person, "score.call")
