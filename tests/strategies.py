"""Hypothesis strategies that several rooms use."""

from __future__ import annotations

from hypothesis import strategies as st

#: text that UTF-8 can write: no lone surrogates
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

#: numbers that JSON says exactly (RFC 8785 refuses integers beyond 2**53)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)

#: any JSON value
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
