"""Templates for Hypothesis: names, attributes and groups built from literals, fields and functions, legal and not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.simulation_table import ref

MAPPINGS = {"Sites": {"a": {"site": "north"}, "b c": {"site": "is illegal"}}}
_literals = st.sampled_from(["pump", "a b", "", "ACTIVE", "x" * 64, "x" * 129, "n.m", "a=b"])
_refs = st.sampled_from([ref("CommonName"), ref("OrganizationalUnit"), ref("Id")])
_leaves = st.one_of(_literals, _refs)
# Built of a field: what no device can make a key or an index of, and what one can.
_built = st.sampled_from(
    [
        {"Fn::Sub": text.replace("CN", "${AWS::IoT::Certificate::CommonName}")}
        for text in ("b CN", "0CN", "xCN")
    ]
)
_indexes = st.one_of(st.sampled_from(["0", "2", "-1"]), _refs, _built)


def _functions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    delimiters = st.sampled_from(["-", "", " ", "."])
    lists = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda d, v: {"Fn::Join": [d, v]}, delimiters, lists),
        st.builds(lambda i, v: {"Fn::Select": [i, v]}, _indexes, lists),
        st.builds(
            lambda d, v: {"Fn::Select": ["1", {"Fn::Split": [d, v]}]},
            st.one_of(
                delimiters, st.just(ref("CommonName"))
            ),  # no device has its own certificate's hash in its name
            st.one_of(_refs, st.just("a-b")),
        ),
        st.builds(lambda k: {"Fn::FindInMap": ["Sites", k, "site"]}, st.one_of(_refs, _literals, _built)),
        st.builds(lambda v: {"Fn::Sub": ["${V}-" + "${V}", {"V": v}]}, inner),
        st.just({"REF": "AWS::IoT::Certificate::CommonName"}),
    )


values = st.recursive(_leaves, _functions, max_leaves=4)
things = st.fixed_dictionaries(
    {"ThingName": values},
    optional={
        "ThingTypeName": values,
        "BillingGroup": values,
        "ThingGroups": st.one_of(st.lists(values, max_size=2), values),
        "AttributePayload": st.dictionaries(st.sampled_from(["a", "b c", "d", "e", "f"]), values, max_size=4),
    },
)
