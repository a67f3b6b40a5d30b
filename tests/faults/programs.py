"""People's programs: they ask over HTTP, and ask again where the house does not answer."""

from __future__ import annotations

import time
from typing import Any

import requests

from engine.identity import Person, people, tokens
from engine.store import Store, transaction

FOUNDER = Person(id="founder", name="Founder", roles=frozenset({"admin"}))


class Program:
    """A person's program that tries again where the house does not answer."""

    def __init__(self, store: Store, who: Person, *, patience: float = 90) -> None:
        with transaction(store) as session:
            person = people.add(session, FOUNDER, who.id, name=who.name, roles=sorted(who.roles))
            secret = tokens.issue(session, person, name="faults", scopes=["api"])[1]
        self._base = f"http://127.0.0.1:{store.settings.web_port}/api/v1"
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._patience = patience

    def __call__(self, method: str, path: str, **body: Any) -> requests.Response:
        ends = time.monotonic() + self._patience
        while True:
            try:
                answer = requests.request(
                    method, self._base + path, headers=self._headers, json=body or None, timeout=20
                )
                if answer.status_code < 500:
                    return answer
            except requests.RequestException:
                pass  # it was killed while it answered: whether the act was done is seen by asking again
            assert time.monotonic() < ends, f"{method} {path} was never answered"
            time.sleep(0.2)
