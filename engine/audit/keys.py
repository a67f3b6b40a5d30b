"""The key that signs checkpoints: in the data folder, never in the database."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from engine.config import Settings
from engine.errors import GatewrightError


class KeyUnreadable(GatewrightError):
    """{path} is not an Ed25519 key in PEM."""

    code = "audit-key"
    hint = "Restore the key from a backup; without it new checkpoints cannot be signed."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What proves a signature."""

    key: Ed25519PublicKey

    @property
    def id(self) -> str:
        """The sha256 of the raw key in hex: what a person compares."""
        return hashlib.sha256(self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()

    @property
    def pem(self) -> bytes:
        """The key as a PEM file."""
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def proves(self, signature: bytes, content: bytes) -> bool:
        """Whether the signature is of this content, by this key."""
        try:
            self.key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


def folder(settings: Settings) -> Path:
    """Where the keys and the checkpoints outside of the database are."""
    return settings.home / "audit"


def signing(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs, made at the first call; the file is open to its owner alone."""
    place = folder(settings)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place / "signing-key.pem"
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        content = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        coming = place / f"signing-key.{os.getpid()}.tmp"
        with os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(coming, path)  # fails where another process was first: then theirs is the key
        except FileExistsError:
            pass
        finally:
            coming.unlink()
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError as damaged:
        raise KeyUnreadable(path=path) from damaged
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnreadable(path=path)
    public = PublicKey(key.public_key())
    kept = place / f"{public.id}.pem"
    if not kept.exists():
        kept.write_bytes(public.pem)
    return key


def public(settings: Settings) -> dict[str, PublicKey]:
    """Every key that signed here, by id; an earlier one stays after a new one was made."""
    found = [read_public(path) for path in sorted(folder(settings).glob("*.pem")) if path.name != "signing-key.pem"]
    return {key.id: key for key in found}


def read_public(path: Path) -> PublicKey:
    """A public key from a PEM file; raises KeyUnreadable."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as damaged:
        raise KeyUnreadable(path=path) from damaged
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnreadable(path=path)
    return PublicKey(key)
