"""The scoring service's calls: who asks for which model, and what goes back."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.errors import GatewrightError
from engine.inferences import refusals
from engine.inferences.inference import Answered
from engine.inferences.log import InferenceLog
from engine.sandbox import Predictions
from engine.serving import deployments, queries
from engine.serving.scoring import batch as batches
from engine.serving.scoring import open_inference
from engine.serving.scoring.batch import Batch
from engine.serving.scoring.callers import Callers, require_scope
from engine.serving.scoring.checks import Numbers
from engine.serving.scoring.directory import Endpoint, NotDeployed, Version
from engine.serving.scoring.scorer import ScorerNotReady
from engine.serving.scoring.watch import Watch
from engine.serving.scoring.wire import (
    Answer,
    Call,
    ClientGone,
    Receive,
    Scope,
    Send,
    problem,
    receive_call,
    send_answer,
)
from engine.store import Store, new_ids, transaction
from engine.telemetry import metrics, tracing

logger = logging.getLogger(__name__)


class PathUnknown(GatewrightError):
    """There is nothing at {path}."""

    code = "path-unknown"
    hint = "Score at /models/<name>/score or /v2/models/<name>/infer; docs/scoring.md lists every path."
    status = 404


class MethodNotAllowed(GatewrightError):
    """{path} is not answered to {method}."""

    code = "method-not-allowed"
    hint = "Use {allowed}."
    status = 405


class ModelNotServed(GatewrightError):
    """There is no deployed model named {model}."""

    code = "model-not-served"
    hint = "Check the name; models and where they are deployed are listed on the models page."
    status = 404


class RequestTooSlow(GatewrightError):
    """The request's body did not arrive within {seconds:g} seconds."""

    code = "request-too-slow"
    hint = "Send it again; nothing was scored."
    status = 408


class LogFull(GatewrightError):
    """The inference log cannot take these rows now, and unlogged answers are not given."""

    code = "log-full"
    hint = "Send the request again shortly; its scores were dropped."
    status = 503
    retry_after_seconds = 2


class Unforeseen(GatewrightError):
    """The scoring service failed in a way that it did not foresee."""

    code = "scoring-unforeseen"
    hint = "Its log tells more; send the request again, and tell IT operations if it fails again."
    status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much one request may ask for."""

    body_bytes: int = 16 << 20
    rows: int = 5_000
    body_seconds: float = 30.0
    #: how long an answer waits for room in the inference log before the request is refused
    log_seconds: float = 2.0
    #: how long an answer of a durable environment waits for its commit
    commit_seconds: float = 15.0


@dataclass(slots=True, eq=False)
class _Asked:
    """What is known so far of a request, for the count of refusals."""

    model: str = ""
    environment: str = ""
    deployment: UUID | None = None
    #: the same key goes to the same deployment, where several share a model's requests
    key: str = ""
    #: what is asked for, one of few words: addresses hold names that strangers make up
    operation: str = "other"


class Service:
    """The ASGI application."""

    def __init__(
        self, store: Store, watch: Watch, log: InferenceLog, threads: ThreadPoolExecutor, bounds: Bounds
    ) -> None:
        self._store, self._watch, self._log, self._threads, self._bounds = store, watch, log, threads, bounds
        self._callers = Callers(store, threads)
        self.ending = False  #: set when no new work shall be sent here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        asked, began = _Asked(), time.perf_counter()
        with tracing.span("scoring", parent=_traceparent(scope), server=True) as made:
            answer = await self._observed(scope, receive, asked)
            if answer is None:
                return
            made.set_attributes({"gatewright.kind": asked.operation, "http.response.status_code": answer.status})
            await send_answer(answer, send)
        metrics.SCORED.labels(asked.operation, str(answer.status)).observe(time.perf_counter() - began)

    async def _observed(self, scope: Scope, receive: Receive, asked: _Asked) -> Answer | None:
        """The answer, whatever happens; None where the caller has gone."""
        try:
            try:
                async with asyncio.timeout(self._bounds.body_seconds):
                    call = await receive_call(scope, receive, self._bounds.body_bytes)
            except TimeoutError as cause:
                raise RequestTooSlow(seconds=self._bounds.body_seconds) from cause
            return await self._answer(call, asked)
        except ClientGone:
            return None
        except GatewrightError as error:
            self._count(error, asked)
            return problem(error, scope["path"])
        except Exception:
            logger.exception("A scoring request failed unforeseen")
            unforeseen = Unforeseen()
            self._count(unforeseen, asked)
            return problem(unforeseen, scope["path"])

    def _count(self, error: GatewrightError, asked: _Asked) -> None:
        # Only of models that are routed here: names that strangers make up must not fill a table.
        if asked.model in self._watch.directory.routes:
            self._log.refused(
                refusals.at(
                    self._store.clock.now(),
                    model=asked.model,
                    environment=asked.environment,
                    code=error.code,
                    status=error.status,
                    deployment=asked.deployment,
                )
            )

    # --- paths

    async def _answer(self, call: Call, asked: _Asked) -> Answer:
        path, environment = call.path, call.headers.get("gatewright-environment")
        if len(path) > 2 and path[0] == "environments":
            environment, path = path[1], path[2:]
        match path:
            case ("models", model, "score"):
                asked.operation = "score"
                self._allow(call, "POST")
                return await self._score(call, asked, model, environment)
            case ("v2", "models", model, *rest):
                asked.operation = "infer" if rest and rest[-1] == "infer" else "model"
                return await self._open_inference(call, asked, model, environment, tuple(rest))
            case ("v2",):
                self._allow(call, "GET")
                return Answer(
                    content={
                        "name": "gatewright",
                        "version": importlib.metadata.version("gatewright"),
                        "extensions": [],
                    }
                )
            case ("v2", "health", "live"):
                asked.operation = "health"
                self._allow(call, "GET")
                return Answer(content={"live": True})
            case ("v2", "health", "ready"):
                asked.operation = "health"
                self._allow(call, "GET")
                return Answer(status=503 if self.ending else 200, content={"ready": not self.ending})
            case ("metrics",):
                asked.operation = "metrics"
                self._allow(call, "GET")
                return self._metrics(call)
            case ("deployments", id):
                asked.operation = "deployment"
                self._allow(call, "GET")
                return self._deployment(id)
        raise PathUnknown(path="/" + "/".join(call.path))

    async def _open_inference(
        self, call: Call, asked: _Asked, model: str, environment: str | None, rest: tuple[str, ...]
    ) -> Answer:
        number: int | None = None
        if len(rest) >= 2 and rest[0] == "versions":
            if not rest[1].isdecimal():
                raise PathUnknown(path="/" + "/".join(call.path))
            number, rest = int(rest[1]), rest[2:]
        match rest:
            case ("infer",):
                self._allow(call, "POST")
                return await self._infer(call, asked, model, environment, number)
            case ("ready",):
                self._allow(call, "GET")
                endpoint = await self._endpoint(asked, model, environment, number)
                ready = endpoint.scorer.state == "running"
                return Answer(status=200 if ready else 503, content={"name": model, "ready": ready})
            case ():
                self._allow(call, "GET")
                bearer = await self._callers.bearer(call.headers.get("authorization", ""))
                endpoint = await self._endpoint(asked, model, environment, number)
                require_scope(bearer, model, endpoint.deployment.environment)
                version = self._ready(endpoint)
                versions = self._watch.directory.versions(model, endpoint.deployment.environment)
                return Answer(
                    content=open_inference.metadata(
                        model, list(map(str, versions)), version.kind, version.output, version.schema
                    )
                )
        raise PathUnknown(path="/" + "/".join(call.path))

    def _allow(self, call: Call, method: str) -> None:
        if call.method != method and not (method == "GET" and call.method == "HEAD"):
            raise MethodNotAllowed(path="/" + "/".join(call.path), method=call.method, allowed=method)

    def _deployment(self, id: str) -> Answer:
        """How far a deployment is. Open to whoever knows its id, which nobody can guess; it tells no data."""
        try:
            endpoint = self._watch.directory.endpoints.get(UUID(id))
        except ValueError:
            endpoint = None
        if endpoint is None:
            raise deployments.DeploymentUnknown(id=id)
        return Answer(
            content={
                "id": str(endpoint.deployment.id),
                "version": endpoint.deployment.reference,
                "environment": endpoint.deployment.environment,
                "state": endpoint.scorer.state,
                "detail": endpoint.scorer.detail,
            }
        )

    def _metrics(self, call: Call) -> Answer:
        settings = self._store.settings
        metrics.require(
            settings,
            listens_at=settings.scoring_host,
            caller=call.caller,
            authorization=call.headers.get("authorization", ""),
            forwarded=any(name.lower() in call.headers for name in metrics.FORWARDED),
        )
        return Answer(content=metrics.exposed(), media_type=metrics.CONTENT_TYPE)

    # --- scoring

    async def _score(self, call: Call, asked: _Asked, model: str, environment: str | None) -> Answer:
        bearer = await self._callers.bearer(call.headers.get("authorization", ""))
        endpoint = await self._endpoint(asked, model, environment, None)
        require_scope(bearer, model, endpoint.deployment.environment)
        content = call.json()
        endpoint = self._chosen(call, asked, endpoint, None, batches.reference_in(content))
        version = self._ready(endpoint)
        batch = batches.read(content, fields=frozenset(version.schema.fields), limit_rows=self._bounds.rows)
        endpoint, predictions, answered = await self._scored(call, asked, bearer.person.id, endpoint, batch)
        output, reasons = predictions.output, predictions.reasons
        rows: list[dict[str, Any]] = [
            {"id": id, output: score, "decision": decision}
            for id, score, decision in zip(answered.ids, answered.scores, answered.decisions, strict=True)
        ]
        if reasons is not None:
            for row, why in zip(rows, reasons, strict=True):
                row["reasons"] = why
        return Answer(
            content={
                "model": model,
                "version": answered.version,
                "environment": answered.environment,
                "deployment": answered.deployment,
                "request": answered.request,
                "rows": rows,
            }
        )

    async def _infer(
        self, call: Call, asked: _Asked, model: str, environment: str | None, number: int | None
    ) -> Answer:
        bearer = await self._callers.bearer(call.headers.get("authorization", ""))
        endpoint = await self._endpoint(asked, model, environment, number)
        require_scope(bearer, model, endpoint.deployment.environment)
        content = _request(call)
        named = content.get("id") if isinstance(content, dict) else None
        endpoint = self._chosen(call, asked, endpoint, number, named)
        version = self._ready(endpoint)
        batch = open_inference.read(content, version.schema, limit_rows=self._bounds.rows)
        endpoint, predictions, answered = await self._scored(call, asked, bearer.person.id, endpoint, batch)
        return Answer(
            content=open_inference.answer(
                model=model,
                version=str(answered.version),
                request_id=str(content.get("id") or answered.request),
                output=predictions.output,
                scores=answered.scores,
                decisions=answered.decisions,
                ids=[str(id) for id in answered.ids],
                parameters={"environment": answered.environment, "deployment": str(answered.deployment)},
            )
        )

    async def _endpoint(self, asked: _Asked, model: str, environment: str | None, version: int | None) -> Endpoint:
        directory = self._watch.directory
        if not directory.answers(model, environment):
            # A life cycle may have let it go live in this very moment: its first caller is not sent away.
            await self._watch.refresh()
            directory = self._watch.directory
        chosen = environment or directory.environment_of(model)
        asked.model, asked.environment = model, chosen or ""
        if model not in directory.routes or chosen is None:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._refuse_absent, model, environment)
        return directory.find(model, chosen or "", version)

    def _chosen(self, call: Call, asked: _Asked, endpoint: Endpoint, version: int | None, named: Any) -> Endpoint:
        """The endpoint of the caller's key: the reference of the first row or the request's id, else X-Request-Id.

        A request without any goes where chance has it.
        """
        deployment = endpoint.deployment
        if self._watch.directory.shared(deployment.model, deployment.environment):
            asked.key = named if isinstance(named, str) and named else call.headers.get("x-request-id", "")
            endpoint = self._watch.directory.find(deployment.model, deployment.environment, version, asked.key)
        asked.deployment = endpoint.deployment.id
        return endpoint

    def _refuse_absent(self, model: str, environment: str | None) -> None:
        """Raises DeploymentsEnded, ModelNotServed, or NotDeployed for a model of which nothing is routed here."""
        with transaction(self._store) as session:
            deployments.refuse_retired(session, model)
            if not queries.ever_deployed(session, model):
                raise ModelNotServed(model=model)
        raise NotDeployed(model=model, environment=environment or "any environment", environments="none")

    def _ready(self, endpoint: Endpoint) -> Version:
        if endpoint.version is None or endpoint.scorer.state != "running":
            raise ScorerNotReady(
                version=endpoint.deployment.reference,
                environment=endpoint.deployment.environment,
                detail=endpoint.scorer.detail or endpoint.scorer.state,
            )
        return endpoint.version

    async def _scored(
        self, call: Call, asked: _Asked, caller: str, endpoint: Endpoint, batch: Batch
    ) -> tuple[Endpoint, Predictions, Answered]:
        """The predictions, and the rows on their way into the log; only then may they be answered."""
        while True:
            version = self._ready(endpoint)
            numbers = version.schema.check(batch.rows)
            try:
                with tracing.span("model", definition=endpoint.deployment.reference):
                    predictions = await endpoint.scorer.score_rows(batch.rows, version.schema.fields, numbers)
                break
            except ScorerNotReady:
                deployment = endpoint.deployment
                successor = self._watch.directory.find(deployment.model, deployment.environment, key=asked.key)
                if successor is endpoint:
                    raise
                endpoint = successor  # it was replaced in the moment between finding and asking it
        answered = _answered(self._store, call, caller, endpoint, batch, predictions, version, numbers)
        await self._logged(answered, durable=endpoint.durable)
        metrics.ROWS.inc(len(batch.rows))
        return endpoint, predictions, answered

    async def _logged(self, answered: Answered, *, durable: bool) -> None:
        """Return when the rows are safe: in the queue, or committed where the environment is durable."""
        loop = asyncio.get_running_loop()
        committed: asyncio.Future[None] = loop.create_future()

        def written() -> None:
            loop.call_soon_threadsafe(_settle, committed)

        ends = time.monotonic() + self._bounds.log_seconds
        while not self._log.offer(answered, written if durable else None):
            if time.monotonic() > ends:
                raise LogFull()
            await asyncio.sleep(0.01)
        if durable:
            try:
                await asyncio.wait_for(committed, self._bounds.commit_seconds)
            except TimeoutError as cause:
                raise LogFull() from cause


def _traceparent(scope: Scope) -> str | None:
    """The caller's trace, where it sent one."""
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return found[0].decode("latin-1") if found else None


def _request(call: Call) -> Any:
    """An inference request's JSON, its binary tensors put in."""
    length = call.headers.get("inference-header-content-length")
    if length is None:
        return call.json()
    if not length.isdecimal() or int(length) > len(call.body):
        raise batches.BatchMalformed(reason="its Inference-Header-Content-Length is longer than the body")
    head = dataclasses.replace(call, body=call.body[: int(length)])
    return open_inference.with_binary(head.json(), call.body[int(length) :])


def _settle(committed: asyncio.Future[None]) -> None:
    if not committed.done():
        committed.set_result(None)


def _answered(
    store: Store,
    call: Call,
    caller: str,
    endpoint: Endpoint,
    batch: Batch,
    predictions: Predictions,
    version: Version,
    numbers: Numbers,
) -> Answered:
    deployment, reasons = endpoint.deployment, predictions.reasons
    request, *ids = new_ids(1 + len(batch.rows))
    return Answered(
        request=request,
        logged_at=store.clock.now(),
        model=deployment.model,
        version=deployment.version,
        environment=deployment.environment,
        deployment=deployment.id,
        caller=caller,
        latency_us=(time.perf_counter_ns() - call.arrived_ns) // 1_000,
        ids=ids,
        event_times=batch.event_times,
        references=batch.references,
        inputs=batch.rows,
        scores=predictions.values,
        decisions=version.decide(predictions),
        outputs=None if reasons is None else [{"reasons": each} for each in reasons],
        numbers=numbers,
    )
