"""Settings, read from the environment (GATEWRIGHT_*) and from a .env file in the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AlertChannel(BaseModel):
    """One way to tell people of alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(default="apprise", description="apprise, webhook, or what a package adds.")
    url: SecretStr = Field(description="Where to; it is a secret, as tokens stand in it.")
    secret: SecretStr | None = Field(default=None, description="What a webhook is signed with: whsec_ and base64.")
    least: Literal["warn", "breach"] = Field(default="warn", description="What is milder is not told here.")


class Settings(BaseSettings):
    """Everything that may be set from outside; docs/configuration.md lists the same fields, held to them by a test."""

    model_config = SettingsConfigDict(env_prefix="GATEWRIGHT_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default=Path(".gatewright"),
        description="The data folder: files by digest, keys, logs, the control socket of the running house.",
    )
    database_dir: Path | None = Field(
        default=None,
        description=(
            "Where the embedded PostgreSQL lives; by default a short folder of the user's own, printed by `status`."
        ),
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="An external PostgreSQL for the application (postgresql://...); may be pooled. Unset: embedded.",
    )
    database_direct_url: SecretStr | None = Field(
        default=None, description="The same database without a pooler, for LISTEN; default: the database URL."
    )
    database_owner_url: SecretStr | None = Field(
        default=None, description="The same database as its owner, who migrates; default: the database URL."
    )
    files_url: str | None = Field(
        default=None, description="Where files are kept, as an fsspec URL; default: `files` in the data folder."
    )
    exchange_dir: Path | None = Field(
        default=None,
        description=(
            "The folder through which files of models come and go: dropped files, batches, results, container contexts;"
            " default: `exchange` in the data folder."
        ),
    )
    wheelhouse: Path | None = Field(
        default=None,
        description=(
            "A folder of wheels from which versions get the libraries that they were made with, where these are not"
            " this house's own; unset: every version runs with this house's."
        ),
    )
    remote_hosts: tuple[str, ...] = Field(
        default=(),
        description=(
            "Hosts, or host:port, at which models behind an API may be asked though they are no public addresses, or"
            ' without TLS, as JSON: `["scores.bank.internal"]`.'
        ),
    )
    remote_secrets: dict[str, SecretStr] = Field(
        default={}, description="Secrets with which models behind an API are asked, by name, as JSON."
    )
    mlflow_url: str | None = Field(
        default=None,
        description="The MLflow server of the target `mlflow` and of imports, such as `https://mlflow.bank.internal`.",
    )
    mlflow_credentials: SecretStr | None = Field(
        default=None, description="`user:password`, or a bearer token, for the MLflow server."
    )
    mlflow_credentials_file: Path | None = Field(
        default=None, description="A file that holds the same in place of the setting; read at each use."
    )
    oci_base: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][\w./:-]{0,200}@sha256:[0-9a-f]{64}$",
        description=(
            "The image, by digest, from which the target `oci` builds: `python:3.11-slim@sha256:...`; unset: whoever"
            " builds names it."
        ),
    )
    timezone: str = Field(default="UTC", description="The zone of calendars and schedules that name none.")
    web_host: str = Field(default="127.0.0.1", description="The address at which pages and API listen.")
    web_port: int = Field(default=8470, ge=0, le=65535, description="The port of pages and API.")
    scoring_host: str = Field(default="127.0.0.1", description="The address at which the scoring service listens.")
    scoring_port: int = Field(default=8471, ge=0, le=65535, description="The port of the scoring service.")
    worker_host: str = Field(
        default="127.0.0.1", description="The address at which a worker tells its health and its metrics."
    )
    worker_port: int = Field(
        default=8472, ge=0, le=65535, description="The port for that; where it is taken, or 0, a free one is."
    )
    clock_host: str = Field(
        default="127.0.0.1", description="The address at which a clock tells its health and its metrics."
    )
    clock_port: int = Field(
        default=8473, ge=0, le=65535, description="The port for that; where it is taken, or 0, a free one is."
    )
    worker_concurrency: int = Field(default=2, ge=1, le=64, description="Jobs that one worker runs at a time.")
    worker_silent_seconds: float = Field(
        default=30.0,
        ge=3.0,
        description="A worker that was not heard of for so long is taken for dead, and its jobs are handed out again.",
    )
    sandbox_allow_network: bool = Field(
        default=False,
        description="Let model code start where the kernel refuses a network namespace; runs are marked so.",
    )
    upload_limit_mb: int = Field(default=64, ge=1, description="The largest upload, in mebibytes.")
    inferences_kept_days: int | None = Field(
        default=None,
        ge=60,
        description=(
            "Months of the inference log that ended so many days ago are dropped, with their labels; counts stay."
            " Unset: all are kept."
        ),
    )
    monitor_runs_kept_days: int | None = Field(
        default=None,
        ge=60,
        description=(
            "Runs of monitors that are so many days old are forgotten, but for the last of each monitor and those since"
            " an open finding. Unset: all are kept."
        ),
    )
    feed_folders: str = Field(
        default="", description="Folders below which feeds may read files, separated by colons; empty: none."
    )
    feed_limit_mb: int = Field(default=64, ge=1, description="The largest answer of an HTTP feed, in mebibytes.")
    feed_allow_private: bool = Field(
        default=False, description="Let HTTP feeds ask addresses of private networks and of this machine."
    )
    secure_cookies: bool = Field(default=False, description="Send session cookies over HTTPS only; set it behind TLS.")
    log_format: Literal["auto", "text", "json"] = Field(
        default="auto",
        description="Log lines as text or as JSON; by default text on a terminal and JSON everywhere else.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description=(
            "Who reads /metrics sends it as a bearer token; unset, only callers on the same machine are answered,"
            " and only where the process listens at a loopback address."
        ),
    )
    traces_url: SecretStr | None = Field(
        default=None,
        description="An OTLP collector to which traces go, such as http://127.0.0.1:4318/v1/traces; unset: none.",
    )
    traces_share: float = Field(
        default=1.0, ge=0.0, le=1.0, description="The share of traces that is sent, where none began elsewhere."
    )

    alert_channels: dict[str, AlertChannel] = Field(
        default={},
        description=(
            "Where alerts go, as JSON: name to kind, url, and for a webhook its secret, such as"
            ' `{"operators": {"url": "mailtos://..."}}`; see docs/alerts.md. Unset: they are shown on their page alone.'
        ),
    )

    @classmethod
    def load(cls) -> Settings:
        """The settings of this process, from its environment."""
        return cls()

    @property
    def home(self) -> Path:
        """The data folder as an absolute path."""
        return self.data_dir.expanduser().resolve()

    @property
    def exchange(self) -> Path:
        """The folder through which files come and go, as an absolute path."""
        return (self.exchange_dir or self.home / "exchange").expanduser().resolve()
