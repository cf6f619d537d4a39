"""Versions of managed policies: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html."""

from __future__ import annotations

from tests.sandbox_iam.conftest import Estate, allow, document


def test_one_version_is_the_default_whatever_was_chosen(estate: Estate) -> None:
    iam = estate.operator("iam")
    text = document(allow("s3:ListAllMyBuckets"))
    arn = iam.create_policy(PolicyName="versions", PolicyDocument=text)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    for chosen in ("v2", "v1", "v1", "v2", "v2"):
        iam.set_default_policy_version(PolicyArn=arn, VersionId=chosen)
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        assert [one["VersionId"] for one in versions if one["IsDefaultVersion"]] == [chosen]
        assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == chosen
