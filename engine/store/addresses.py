"""Which PostgreSQL the house uses, and as whom."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from engine.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The URLs of one database; all carry a password and are not to be printed."""

    application: str
    direct: str  #: without a pooler, for LISTEN
    owner: str  #: as the owner, who migrates
    embedded: bool

    @property
    def application_role(self) -> str:
        """The role as which the application works."""
        return user_of(self.application)

    @property
    def owner_role(self) -> str:
        """The role that owns the tables."""
        return user_of(self.owner)

    @property
    def pooled(self) -> bool:
        """Whether a pooler stands before the application's URL, where prepared statements do not hold."""
        return self.direct != self.application


def of(settings: Settings) -> Addresses:
    """The addresses that the settings name, or the embedded server's; raises DatabaseMissing where there is none."""
    if settings.database_url is not None:
        application = settings.database_url.get_secret_value()
        direct = settings.database_direct_url
        owner = settings.database_owner_url
        return Addresses(
            application=application,
            direct=direct.get_secret_value() if direct else application,
            owner=owner.get_secret_value() if owner else application,
            embedded=False,
        )
    from engine.store.postgres import EmbeddedPostgres  # the binaries are looked for only where they are needed

    server = EmbeddedPostgres.of(settings)
    application = server.url("application")
    return Addresses(application=application, direct=application, owner=server.url("owner"), embedded=True)


def for_sqlalchemy(url: str) -> str:
    """The same URL with psycopg 3 named as its driver."""
    _, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}"


def for_libpq(url: str) -> str:
    """The same URL as PostgreSQL's own programs read it."""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"


def shown(url: str) -> str:
    """The URL as it may be printed: without its password."""
    parts = urlsplit(for_libpq(url))
    at = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{at}{parts.hostname or ''}{port}").geturl()


def user_of(url: str) -> str:
    """The user named in a URL, or an empty string."""
    return unquote(urlsplit(for_libpq(url)).username or "")
