"""An MLflow server, spoken to by its REST API: registered models, versions, aliases, runs, artefacts.

MLflow itself is never installed here. One server is named by the settings; requests go to it and nowhere else: the
connection is made to the address that was looked at, redirects and proxies are not followed, and artefacts are read and
written through the server, wherever it keeps them.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from engine.config import Settings
from engine.errors import GatewrightError
from engine.training import remotes

API = "/api/2.0/mlflow/"
ARTEFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
SECONDS = 30.0
ATTEMPTS = 3
LARGEST_ANSWER = 8 << 20


class MlflowUnset(GatewrightError):
    """No MLflow server is named: {reason}."""

    code = "mlflow-unset"
    hint = "Have IT operations set GATEWRIGHT_MLFLOW_URL, such as https://mlflow.bank.internal."
    status = 422


class MlflowAway(GatewrightError):
    """The MLflow server at {address} gives no answer: {cause}."""

    code = "mlflow-away"
    hint = "Start it, or correct GATEWRIGHT_MLFLOW_URL, and retry."
    status = 503


class MlflowRefused(GatewrightError):
    """The MLflow server refused {what}: {cause}."""

    code = "mlflow-refused"
    hint = "Read its own words; where they tell of rights, have IT operations renew GATEWRIGHT_MLFLOW_CREDENTIALS."
    status = 502


class Mlflow:
    """The configured server."""

    def __init__(self, settings: Settings) -> None:
        """Raises MlflowUnset where none is named, or where its credentials cannot be read."""
        if not settings.mlflow_url:
            raise MlflowUnset(reason="GATEWRIGHT_MLFLOW_URL is not set")
        self._url = urlsplit(settings.mlflow_url)
        if self._url.scheme not in ("http", "https") or not self._url.hostname or self._url.username:
            raise MlflowUnset(reason="GATEWRIGHT_MLFLOW_URL is no http address, or holds a user")
        self._secret = _credentials(settings)
        self._base = self._url.path.rstrip("/")
        self._allowed = frozenset({self._url.hostname})

    @property
    def address(self) -> str:
        """Where it is, without what stands behind the host."""
        return f"{self._url.scheme}://{self._url.netloc}"

    def get(self, call: str, **query: str) -> dict[str, Any]:
        """The answer to a reading call, such as `registered-models/get`."""
        return self._json("GET", f"{API}{call}?{urlencode(query)}", None, call)

    def find(self, call: str, **query: str) -> dict[str, Any] | None:
        """As `get`; None where the server knows no such thing."""
        try:
            return self.get(call, **query)
        except MlflowRefused as refused:
            if refused.facts["kind"] == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def post(self, call: str, content: Mapping[str, Any], *, method: str = "POST") -> dict[str, Any]:
        """The answer to a call that changes something; sent again where no answer came, so it has to bear that."""
        return self._json(method, f"{API}{call}", json.dumps(content).encode(), call)

    def ensure(self, call: str, content: Mapping[str, Any]) -> None:
        """As `post`, quiet where what shall be made is there already."""
        try:
            self.post(call, content)
        except MlflowRefused as refused:
            if refused.facts["kind"] != "RESOURCE_ALREADY_EXISTS":
                raise

    def put(self, path: str, content: bytes) -> None:
        """Let the server keep an artefact under a path below its root."""
        self._asked("PUT", f"{ARTEFACTS}{quote(path)}", content, f"to keep {path}", LARGEST_ANSWER)

    def artefact(self, name: str, version: str, path: str, most: int) -> bytes:
        """A file of a model version, at most so many bytes; MlflowRefused where there is none, or a larger one."""
        query = urlencode({"name": name, "version": version, "path": path})
        return self._asked("GET", f"/model-versions/get-artifact?{query}", None, f"{path} of {name} {version}", most)

    def _json(self, method: str, path: str, body: bytes | None, what: str) -> dict[str, Any]:
        content = self._asked(method, path, body, what, LARGEST_ANSWER)
        try:
            found = json.loads(content or b"{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise MlflowRefused(what=what, cause="its answer is no JSON object", kind="")
        return found

    def _asked(self, method: str, path: str, body: bytes | None, what: str, most: int) -> bytes:
        cause = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(remotes.FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                status, content = self._once(method, path, body, most)
            except (OSError, http.client.HTTPException, remotes.RemoteAway) as failure:
                told = failure.facts["cause"] if isinstance(failure, remotes.RemoteAway) else failure
                cause = self._without_secret(f"{type(failure).__name__}: {told}")
                continue
            except _TooLarge:
                raise MlflowRefused(what=what, cause=f"it is larger than {most >> 20} MiB", kind="") from None
            if status == 200:
                return content
            kind, cause = self._reason(status, content)
            if status not in remotes.AGAIN:
                raise MlflowRefused(what=what, cause=cause, kind=kind)
        raise MlflowAway(address=self.address, cause=cause)

    def _once(self, method: str, path: str, body: bytes | None, most: int) -> tuple[int, bytes]:
        headers = {"Accept": "application/json", "User-Agent": "gatewright"}
        if body is not None:
            headers["Content-Type"] = "application/json" if path.startswith(API) else "application/octet-stream"
        if self._secret:
            headers["Authorization"] = self._secret
        ends = time.monotonic() + SECONDS
        connection = remotes.connection(self._url, self._allowed, SECONDS)
        try:
            connection.request(method, self._base + path, body, headers)
            answer = connection.getresponse()
            parts, size = [], 0
            while part := answer.read1(1 << 16):
                parts.append(part)
                size += len(part)
                if size > most:
                    raise _TooLarge
                if time.monotonic() > ends:
                    raise TimeoutError("its answer came too slowly")
            return answer.status, b"".join(parts)
        finally:
            connection.close()

    def _reason(self, status: int, content: bytes) -> tuple[str, str]:
        """MLflow's own code for a refusal, and its words."""
        try:
            told = json.loads(content)
            kind, words = str(told["error_code"])[:60], str(told["message"])
        except (ValueError, KeyError, TypeError, RecursionError):
            kind, words = "", ""
        return kind, self._without_secret(" ".join(f"status {status} {kind} {words}".split())[:300])

    def _without_secret(self, text: str) -> str:
        """A server may repeat what it was sent."""
        for secret in (self._secret, self._secret.partition(" ")[2]):
            text = text.replace(secret, "***") if secret else text
        return text


class _TooLarge(Exception):
    """More bytes came than are taken."""


def version_by_alias(model: Mapping[str, Any], alias: str) -> str | None:
    """The version to which an alias of a registered model leads; None where there is no such alias."""
    return next((str(each["version"]) for each in model.get("aliases", ()) if each.get("alias") == alias), None)


def tags_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Tags as MLflow lists them, by key."""
    return {str(each.get("key")): str(each.get("value", "")) for each in found.get("tags", ())}


def tags(values: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """The same the other way round."""
    return [{"key": key, "value": value} for key, value in values.items()]


def _credentials(settings: Settings) -> str:
    """The header's value: `user:password` is basic authentication, anything else a bearer token."""
    held = settings.mlflow_credentials.get_secret_value() if settings.mlflow_credentials else ""
    if settings.mlflow_credentials_file is not None:
        try:
            held = settings.mlflow_credentials_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as failure:
            reason = f"GATEWRIGHT_MLFLOW_CREDENTIALS_FILE cannot be read ({type(failure).__name__})"
            raise MlflowUnset(reason=reason) from None
    if not held:
        return ""
    if not (held.isascii() and held.isprintable()):
        raise MlflowUnset(reason="its credentials hold other than printable characters")
    return f"Basic {base64.b64encode(held.encode()).decode()}" if ":" in held else f"Bearer {held}"
