"""The list of regions is AWS's own, and a target names its ARNs."""

from __future__ import annotations

import boto3

from iot_multiaccount_ca.model.target import KNOWN_REGIONS, Target, partition_of


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


def test_a_target_takes_the_partition_of_its_region() -> None:
    """And writes ARNs in it; IAM's and STS's name no region."""
    target = Target.of("111111111111", "cn-north-1")
    assert target == Target("aws-cn", "111111111111", "cn-north-1")
    assert target.arn("iot", "cacert/*") == "arn:aws-cn:iot:cn-north-1:111111111111:cacert/*"
    assert target.arn("iam", "role/r") == "arn:aws-cn:iam::111111111111:role/r"
    assert target.arn("sts", "assumed-role/r/s") == "arn:aws-cn:sts::111111111111:assumed-role/r/s"


def test_a_target_reads_as_messages_name_it() -> None:
    """Account and region, and no partition: nobody thinks of it."""
    assert str(Target.of("111111111111", "eu-west-1")) == "account 111111111111, eu-west-1"
