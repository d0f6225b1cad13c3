"""Templates for Hypothesis: names, attributes and groups built from literals, fields and functions, legal and not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.simulation_table import ref

MAPPINGS = {"Sites": {"a": {"site": "north"}, "b c": {"site": "is illegal"}}}
_literals = st.sampled_from(["pump", "a b", "", "ACTIVE", "x" * 64, "x" * 129, "n.m", "a=b"])
_refs = st.sampled_from([ref("CommonName"), ref("OrganizationalUnit"), ref("Id")])
_leaves = st.one_of(_literals, _refs)


def _functions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    delimiters = st.sampled_from(["-", "", " ", "."])
    lists = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda d, v: {"Fn::Join": [d, v]}, delimiters, lists),
        st.builds(lambda i, v: {"Fn::Select": [i, v]}, st.sampled_from(["0", "2", "-1"]), lists),
        st.builds(lambda v: {"Fn::Select": ["1", {"Fn::Split": ["-", v]}]}, st.one_of(_refs, st.just("a-b"))),
        st.builds(lambda k: {"Fn::FindInMap": ["Sites", k, "site"]}, st.one_of(_refs, _literals)),
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
