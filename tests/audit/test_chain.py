"""The bytes and hashes of the log."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audit import chain, merkle
from engine.audit.proof import Link, Proof


def test_a_row_hash_is_what_the_formula_says() -> None:
    previous, content = bytes(range(32)), hashlib.sha256(b"content").digest()
    expected = hashlib.sha256(
        b"gatewright audit row 1\x00" + previous + b"\x00\x00\x00\x00\x00\x00\x01\x02" + b"model:x" + content
    ).digest()
    assert chain.row_hash(previous, 258, "model:x", content) == expected


def a_chain(contents: list[bytes]) -> list[Link]:
    links, previous = [], chain.ZERO
    for seq, facts in enumerate(contents, 1):
        content = chain.payload("thing.done", "ada", "x", datetime(2026, 1, 1, tzinfo=UTC), {"n": facts.hex()})
        salt = hashlib.sha256(facts).digest()
        hashed = chain.payload_hash(salt, content)
        previous = chain.row_hash(previous, seq, "s", hashed)
        links.append(
            Link(
                stream="s",
                seq=seq,
                payload_hash=hashed,
                hash=previous,
                salt=salt,
                payload=content,
                told=True,
                columns=None,
                erasure=False,
                signed=None,
            )
        )
    return links


def findings(links: list[Link], head: tuple[int, bytes]) -> list[tuple[str, int | None]]:
    proof = Proof({})
    proof.stream("s", links, head)
    return [(finding.kind, finding.seq) for finding in proof.report().findings]


contents = st.lists(st.binary(max_size=4), min_size=1, max_size=8)


@given(contents)
def test_a_chain_proves_itself(facts: list[bytes]) -> None:
    links = a_chain(facts)
    last = links[-1]
    assert last.hash is not None
    assert findings(links, (last.seq, last.hash)) == []


@given(contents, st.data())
def test_any_row_taken_out_is_named(facts: list[bytes], data: st.DataObject) -> None:
    links = a_chain(facts)
    last = links[-1]
    assert last.hash is not None
    gone = data.draw(st.integers(0, len(links) - 1))
    kind = "cut" if gone == len(links) - 1 else "removed"
    assert findings(links[:gone] + links[gone + 1 :], (last.seq, last.hash)) == [(kind, gone + 1)]


@given(contents, st.data())
def test_any_bit_that_was_turned_is_named(facts: list[bytes], data: st.DataObject) -> None:
    links = a_chain(facts)
    last = links[-1]
    assert last.hash is not None
    at = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from(["payload", "salt", "payload_hash", "hash"]))
    found: bytes = getattr(links[at], field)
    bit = data.draw(st.integers(0, len(found) * 8 - 1))
    turned = bytearray(found)
    turned[bit // 8] ^= 1 << bit % 8
    changed = dataclasses.replace(links[at], **{field: bytes(turned)})
    named = findings([*links[:at], changed, *links[at + 1 :]], (last.seq, last.hash))
    assert ("altered", at + 1) in named


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=40), st.data())
def test_each_leaf_leads_to_the_root_and_no_other_does(leaves: list[bytes], data: st.DataObject) -> None:
    hashed = [merkle.leaf(each) for each in leaves]
    index = data.draw(st.integers(0, len(hashed) - 1))
    tree = merkle.levels(hashed)
    steps = merkle.path(tree, index)
    whole = merkle.root(hashed)
    assert tree[-1] == [whole]
    assert merkle.climb(hashed[index], index, len(hashed), steps) == whole
    assert merkle.climb(merkle.leaf(b"another one"), index, len(hashed), steps) != whole


def test_roots_are_those_of_certificate_transparency() -> None:
    """The known answers of the reference implementation's merkle tree test (certificate-transparency-go)."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashed = [merkle.leaf(bytes.fromhex(each)) for each in inputs]
    expected = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    assert {size: merkle.root(hashed[:size]).hex() for size in expected} == expected


@pytest.mark.parametrize(
    ("index", "size", "steps"), [(0, 0, 0), (2, 2, 1), (-1, 3, 2), (0, 1, 1), (0, 2, 0), (1, 4, 3)]
)
def test_what_cannot_be_a_path_is_refused(index: int, size: int, steps: int) -> None:
    with pytest.raises(ValueError, match=r"leaf|path"):
        merkle.climb(chain.ZERO, index, size, [chain.ZERO] * steps)
