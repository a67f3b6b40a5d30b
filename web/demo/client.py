"""The API as one signed-in person calls it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import requests

from engine.errors import GatewrightError

#: a preview of a path, or a verification of the log, takes its time on two cores
_SECONDS = 60
#: how long is asked again where nobody answers: a process that died is started again
_PATIENCE = 120.0
_AWAY = frozenset({502, 503})


def _answered(ask: Callable[[], requests.Response]) -> tuple[requests.Response, bool]:
    """The answer, and whether an earlier one was lost; raises OSError where nobody answers for too long."""
    ends, lost = time.monotonic() + _PATIENCE, False
    while True:
        try:
            answer = ask()
            if answer.status_code not in _AWAY or time.monotonic() > ends:
                return answer, lost
        except (requests.ConnectionError, requests.Timeout):
            if time.monotonic() > ends:
                raise
        lost = True  # or it was never done: that is seen when it is asked for again
        time.sleep(0.5)


class Refused(GatewrightError):
    """{person} asked {method} {path} and was refused ({status}): {title}"""

    code = "demo-refused"
    hint = "See what the house says: {detail}"

    @property
    def named(self) -> str:
        """The name of the house's own error."""
        return str(self.facts["named"])


class Client:
    """A person's program."""

    def __init__(self, address: str, person: str, secret: str = "") -> None:
        self.address, self.person = address, person
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy for the world outside has no part in this
        if secret:
            self._session.headers["Authorization"] = f"Bearer {secret}"

    @classmethod
    def signed_in(cls, address: str, person: str, password: str, new_password: str | None = None) -> Client:
        """Somebody who signs in, and chooses a password of their own where they had a one-time one."""
        body = {"id": person, "password": password, "new_password": new_password}
        nobody = cls(address, person)
        found = nobody.post("/sign-in", done={"sign-in"}, json=body)
        if found is None:  # the answer was lost that told of the new password
            found = nobody.post("/sign-in", json={"id": person, "password": new_password})
        return cls(address, person, found["token"])

    def get(self, path: str, **query: Any) -> Any:
        """What the API says."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, *, done: Collection[str] = (), **words: Any) -> Any:
        """What came of an act; None where its answer was lost, and asked again it is refused since it is done.

        done: the codes of such refusals.
        """
        return self._ask("POST", path, done, **words)

    def put(self, path: str, **words: Any) -> Any:
        """What came of a change."""
        return self._ask("PUT", path, **words)

    def patch(self, path: str, **words: Any) -> Any:
        """What came of a change of some of it."""
        return self._ask("PATCH", path, **words)

    def _ask(self, method: str, path: str, done: Collection[str] = (), **words: Any) -> Any:
        address = f"{self.address}/api/v1{path}"
        answer, lost = _answered(lambda: self._session.request(method, address, timeout=_SECONDS, **words))
        if answer.ok:
            return answer.json() if answer.content else None
        problem = answer.json() if answer.headers.get("Content-Type", "").endswith("json") else {}
        if lost and problem.get("code") in done:
            return None
        raise Refused(
            person=self.person,
            method=method,
            path=path,
            status=answer.status_code,
            title=problem.get("title", answer.reason),
            detail=problem.get("detail", "The log of the pages says more."),
            named=problem.get("code", ""),
        )


class Scorer:
    """A program that asks a model for scores, with a token for nothing else."""

    def __init__(self, address: str, model: str, secret: str) -> None:
        self._address, self._model = address, model
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {secret}"

    def status(self, rows: list[dict[str, Any]]) -> int:
        """The HTTP status that scoring these rows is answered with."""
        return self._send({"rows": rows}).status_code

    def score(self, rows: list[dict[str, Any]], event_times: list[str], references: list[str]) -> list[dict[str, Any]]:
        """The answers to the rows, each with its id."""
        answer = self._send({"rows": rows, "event_time": event_times, "reference": references})
        if not answer.ok:
            problem = answer.json()
            raise Refused(
                person="the scoring program",
                method="POST",
                path=f"/models/{self._model}/score",
                status=answer.status_code,
                title=problem.get("title", answer.reason),
                detail=problem.get("detail", ""),
                named=problem.get("code", ""),
            )
        found: list[dict[str, Any]] = answer.json()["rows"]
        return found

    def _send(self, body: dict[str, Any]) -> requests.Response:
        address = f"{self._address}/models/{self._model}/score"
        return _answered(lambda: self._session.post(address, json=body, timeout=_SECONDS))[0]
