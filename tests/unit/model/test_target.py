"""The list of regions is AWS's own."""

from __future__ import annotations

import boto3

from iot_multiaccount_ca.model.target import KNOWN_REGIONS, partition_of


def test_known_regions_hold_every_region_that_botocore_knows_for_iot() -> None:
    """A region of botocore's list that is missing here would be a needless warning."""
    session = boto3.Session()
    partitions = ("aws", "aws-cn", "aws-us-gov")
    listed = {r for p in partitions for r in session.get_available_regions("iot", partition_name=p)}
    assert listed <= KNOWN_REGIONS


def test_partitions_agree_with_botocore() -> None:
    """The partition by prefix is the one that botocore computes."""
    session = boto3.Session()
    for region in KNOWN_REGIONS:
        assert partition_of(region) == session.get_partition_for_region(region)
