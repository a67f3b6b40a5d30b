"""Counts as bytes: whole after reading, added as they lie, and small where they are few."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.statistics import packing, tallies
from engine.statistics.named import STRIDE, Named, added, total_of_packed
from engine.statistics.tallies import Tally, total

amount = st.integers(1, 300) | st.integers(-5, 70_000) | st.sampled_from([2**32 - 1, 2**32, 2**62, -(2**62)])
counted = st.dictionaries(st.integers(0, 400) | st.integers(0, 70_000), amount.filter(bool), max_size=30)
dense = st.lists(st.integers(0, 300), max_size=200).map(lambda times: {at: n for at, n in enumerate(times) if n})


def arrays(given):
    places = sorted(given)
    return np.array(places, dtype=np.int64), np.array([given[at] for at in places], dtype=np.int64)


def summed(parts):
    found: dict[int, int] = {}
    for each in parts:
        for at, times in each.items():
            found[at] = found.get(at, 0) + times
    return {at: times for at, times in found.items() if times}


@settings(max_examples=50)
@given(counted | dense)
@example({0: 256})
def test_what_was_packed_is_read(given):
    places, times = packing.read(packing.packed(*arrays(given))).sparse()
    assert dict(zip(places.tolist(), times.tolist(), strict=True)) == given


@settings(max_examples=50)
@given(st.lists((counted | dense).filter(lambda each: all(abs(times) < 2**40 for times in each.values())), max_size=6))
def test_parts_add_up_as_they_lie(parts):
    places, times = packing.added([packing.read(packing.packed(*arrays(each))) for each in parts])
    assert dict(zip(places.tolist(), times.tolist(), strict=True)) == summed(parts)


def test_more_parts_than_two_bytes_hold_are_added():
    full = packing.read(packing.packed(np.arange(50), np.full(50, 255)))
    places, times = packing.added([full] * 700)
    assert places.tolist() == list(range(50))
    assert set(times.tolist()) == {700 * 255}


def test_a_quiet_hour_takes_a_few_bytes_a_place_and_a_busy_one_a_byte():
    rng = np.random.default_rng(1)
    few = np.unique(rng.integers(0, 65_536, 300))
    assert len(packing.packed(few, np.ones(len(few), np.int64))) < 4 * len(few)
    busy = rng.poisson(8, 65_536) + 1
    assert len(packing.packed(np.arange(65_536), busy)) < 1.01 * 65_536


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_bytes_that_are_none_are_refused_by_name(content):
    for reads in (Tally.unpacked, Named.unpacked):
        with pytest.raises(ValueError, match=r"no tally|no named counts|format"):
            reads(content)
    with pytest.raises(ValueError, match="no tally"):
        Tally.unpacked(b"\x02" + content)


def tally_of(given):
    places, times = arrays(given)
    return Tally(rows=len(given), places=places, times=times, scaled=(2**70, -3), least=(0.5, None), most=(2.5, None))


@settings(max_examples=50)
@given(st.lists(counted.filter(lambda each: all(abs(times) < 2**40 for times in each.values())), max_size=4))
def test_tallies_add_up_however_they_were_written(parts):
    """Those of before counts were packed are read beside the others."""
    found = [tally_of(each) for each in parts]
    written = [each.compressed() if at % 2 else each.packed() for at, each in enumerate(found)]
    assert [Tally.unpacked(each) for each in written] == found
    assert tallies.total_of_packed(written, 2) == total(found, 2)


names = st.lists(st.lists(st.sampled_from("ab"), max_size=2).map(tuple), unique=True, max_size=4).map(
    lambda found: tuple(sorted(found))
)
vectors = names.flatmap(
    lambda found: st.tuples(
        st.just(found),
        st.lists(
            st.dictionaries(st.integers(0, 200) | st.integers(0, 90_000), st.integers(1, 500), min_size=1, max_size=9),
            min_size=len(found),
            max_size=len(found),
        ),
        st.dictionaries(st.sampled_from("xy"), st.integers(-(2**70), 2**70).filter(bool)),
    )
)


def named_of(given):
    found, cells, sums = given
    places, times = arrays({at * STRIDE + cell: n for at, each in enumerate(cells) for cell, n in each.items()})
    return Named(rows=7, names=found, places=places, times=times, sums=sums)


def as_before(counts: Named) -> bytes:
    """The bytes in which named counts were kept before vectors had rooms."""
    sums = sorted(counts.sums)
    scaled = tuple(counts.sums[name] for name in sums)
    rest = Tally(rows=counts.rows, places=counts.places, times=counts.times, scaled=scaled, least=(), most=())
    head = orjson.dumps([counts.names, sums])
    return len(head).to_bytes(4, "little") + head + rest.compressed()


def same(one: Named, other: Named) -> bool:
    alike = (one.rows, one.names, dict(one.sums)) == (other.rows, other.names, dict(other.sums))
    return alike and np.array_equal(one.places, other.places) and np.array_equal(one.times, other.times)


@settings(max_examples=50)
@given(st.lists(vectors, max_size=4), st.booleans())
def test_named_counts_add_up_as_they_lie(parts, old):
    found = [named_of(each) for each in parts]
    written = [as_before(each) if old and at % 2 else each.packed() for at, each in enumerate(found)]
    assert all(same(Named.unpacked(each), known) for each, known in zip(written, found, strict=True))
    assert same(total_of_packed(written), added([*found, Named()]))
