"""Sessions: what may be asked for, what stays of it, and when they end."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from sandbox import identity, sessions
from sandbox.server import Server
from sandbox.sessions import Session
from tests.sandbox_core.helpers import refused

DEV = "111111111111"
OPERATOR = f"arn:aws:iam::{DEV}:role/operator"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
READ = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def role(client: Callable[..., Any]) -> Callable[..., str]:
    """Make a role of dev that everybody there may assume, with tags and source identity; return its ARN."""

    def make(name: str, *, policy: str = ANYTHING, **more: Any) -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"},
                    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                }
            ],
        }
        iam = client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
        return str(made["Role"]["Arn"])

    return make


@pytest.fixture(scope="module")
def anybodys(role: Callable[..., str]) -> str:
    return role("anybodys", MaxSessionDuration=43200)


@pytest.fixture(scope="module")
def user(client: Callable[..., Any]) -> Any:
    """An administrator of dev with a key of their own."""
    iam = client("iam")
    iam.create_user(UserName="admin")
    iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=ANYTHING)
    key = iam.create_access_key(UserName="admin")["AccessKey"]
    return as_client(key, "sts")


def as_client(key: Any, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}),
    )


def record(answer: Any) -> Session:
    found = sessions.find(answer["Credentials"]["AccessKeyId"])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("profile", "account", "role_name"),
    [
        ("dev", DEV, "operator"),
        ("qa", "222222222222", "operator"),
        ("production", "333333333333", "operator"),
        ("application", "444444444444", "search-application"),
        ("outsider", "555555555555", "outsider"),
    ],
)
def test_each_profile_is_one_role_of_one_account(
    client: Callable[..., Any], profile: str, account: str, role_name: str
) -> None:
    who = client("sts", profile).get_caller_identity()
    assert who["Account"] == account
    assert who["Arn"] == f"arn:aws:sts::{account}:assumed-role/{role_name}/person-{profile}"
    role_id, _, name = who["UserId"].partition(":")
    assert role_id.startswith("AROA")
    assert name == f"person-{profile}"


def test_the_person_may_become_these_and_nothing_else(client: Callable[..., Any], role: Callable[..., str]) -> None:
    other = role("of-dev-only")
    person = client("sts", "person")
    assert refused(person.assume_role, RoleArn=other, RoleSessionName="me") == ("AccessDenied", 403)
    assert refused(client("iam", "person").list_users) == ("AccessDenied", 403)
    assert person.get_caller_identity()["Arn"] == "arn:aws:iam::999999999999:user/person"  # needs no permission


NAMES = {
    "one letter": {"RoleSessionName": "a"},
    "65 letters": {"RoleSessionName": "a" * 65},
    "a space": {"RoleSessionName": "a b"},
    "a slash": {"RoleSessionName": "a/b"},
    "a letter of another alphabet": {"RoleSessionName": "aé"},
    "a short time": {"DurationSeconds": 899},
    "a long time": {"DurationSeconds": 43201},
    "an external id with a space": {"ExternalId": "a b"},
    "a reserved source": {"SourceIdentity": "aws:me"},
    "a short source": {"SourceIdentity": "a"},
    "51 tags": {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
    "a reserved tag": {"Tags": [{"Key": "aws:me", "Value": ""}]},
    "a foreign character": {"Tags": [{"Key": "k", "Value": "<>"}]},
    "11 policies": {"PolicyArns": [{"arn": f"arn:aws:iam::aws:policy/P{n}"} for n in range(11)]},
    "a policy of another account": {"PolicyArns": [{"arn": "arn:aws:iam::222222222222:policy/P"}]},
}


@pytest.mark.parametrize("asked", NAMES.values(), ids=NAMES)
def test_the_limits_of_assume_role(client: Callable[..., Any], anybodys: str, asked: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; the SDK's own checks are off
    sts = client("sts", parameter_validation=False)
    call = {"RoleArn": anybodys, "RoleSessionName": "me"} | asked
    assert refused(sts.assume_role, **call) == ("ValidationError", 400)


OTHERS = {
    "MalformedPolicyDocument": [
        {"Policy": "{"},
        {"Policy": json.dumps({"Statement": []}).replace("[]", "3")},
        {"Policy": READ.replace('"Effect"', '"Principal": "*", "Effect"')},
    ],
    "PackedPolicyTooLarge": [{"Policy": READ + " " * 2048}],
    "InvalidParameterValue": [
        {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        {"TransitiveTagKeys": ["a"]},
    ],
}


@pytest.mark.parametrize(
    ("code", "asked"),
    [(code, asked) for code, cases in OTHERS.items() for asked in cases],
)
def test_what_else_is_refused(client: Callable[..., Any], anybodys: str, code: str, asked: dict[str, Any]) -> None:
    sts = client("sts", parameter_validation=False)
    assert refused(sts.assume_role, RoleArn=anybodys, RoleSessionName="me", **asked) == (code, 400)


def test_session_policies_limit_the_session(client: Callable[..., Any], role: Callable[..., str]) -> None:
    arn = role("limited")
    answer = client("sts").assume_role(
        RoleArn=arn, RoleSessionName="me", Policy=READ, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
    )
    assert 0 < answer["PackedPolicySize"] <= 100
    session = record(answer)
    assert (session.policy, session.policy_arns) == (READ, ("arn:aws:iam::aws:policy/ReadOnlyAccess",))
    inside = client("sts").assume_role(RoleArn=arn, RoleSessionName="me", Policy=READ)["Credentials"]
    assert refused(as_client(inside, "ssm").describe_parameters)[0].startswith("AccessDenied")
    assert refused(as_client(inside, "s3").get_bucket_location, Bucket="no-such-bucket-here")[0] == "NoSuchBucket"
    outside = client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    assert as_client(outside, "ssm").describe_parameters()["Parameters"] == []


def test_tags_go_along_a_chain_when_they_are_transitive(client: Callable[..., Any], role: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
    first, second = role("first"), role("second")
    tags = [{"Key": "Team", "Value": "search"}, {"Key": "stage", "Value": "dev"}]
    one = client("sts").assume_role(RoleArn=first, RoleSessionName="me", Tags=tags, TransitiveTagKeys=["Team"])
    assert dict(record(one).tags) == {"Team": "search", "stage": "dev"}
    chained = as_client(one["Credentials"], "sts")
    two = chained.assume_role(RoleArn=second, RoleSessionName="me", Tags=[{"Key": "stage", "Value": "x"}])
    assert dict(record(two).tags) == {"Team": "search", "stage": "x"}
    assert record(two).transitive == {"Team"}
    clash = [{"Key": "team", "Value": "other"}]
    assert refused(chained.assume_role, RoleArn=second, RoleSessionName="me", Tags=clash)[1] == 400


def test_a_source_identity_stays(client: Callable[..., Any], role: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    first, second = role("source-1"), role("source-2")
    one = client("sts").assume_role(RoleArn=first, RoleSessionName="me", SourceIdentity="alice")
    assert one["SourceIdentity"] == "alice"
    chained = as_client(one["Credentials"], "sts")
    assert record(chained.assume_role(RoleArn=second, RoleSessionName="me")).source_identity == "alice"
    other = {"RoleArn": second, "RoleSessionName": "me", "SourceIdentity": "bob"}
    assert refused(chained.assume_role, **other) == ("AccessDenied", 403)


def test_how_long_a_session_may_last(client: Callable[..., Any], role: Callable[..., str], user: Any) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
    short, long = role("short"), role("long", MaxSessionDuration=43200)
    name = {"RoleSessionName": "me"}
    assert refused(user.assume_role, RoleArn=short, DurationSeconds=3601, **name) == ("ValidationError", 400)
    assert refused(client("sts").assume_role, RoleArn=long, DurationSeconds=3601, **name) == ("ValidationError", 400)
    made = user.assume_role(RoleArn=long, DurationSeconds=43200, **name)["Credentials"]
    left = made["Expiration"] - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=11, minutes=59) < left <= datetime.timedelta(hours=12)
    session = sessions.find(made["AccessKeyId"])
    assert session is not None
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    sessions.replace(dataclasses.replace(session, expiration=past))
    assert refused(as_client(made, "sts").get_caller_identity) == ("ExpiredToken", 403)
    assert refused(as_client(made, "s3").list_buckets) == ("ExpiredToken", 400)
    assert refused(as_client(made, "ssm").describe_parameters) == ("ExpiredTokenException", 400)


def test_no_mfa_device_is_known(client: Callable[..., Any], user: Any) -> None:
    code = {"SerialNumber": f"arn:aws:iam::{DEV}:mfa/me", "TokenCode": "123456"}
    assert refused(client("sts").assume_role, RoleArn=OPERATOR, RoleSessionName="me", **code)[1] == 403
    assert refused(user.get_session_token, **code) == ("AccessDenied", 403)


def test_a_role_ends_with_its_sessions(client: Callable[..., Any], role: Callable[..., str]) -> None:
    iam = client("iam")
    arn = role("going")
    held = as_client(client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"], "sts")
    assert held.get_caller_identity()["Arn"] == f"arn:aws:sts::{DEV}:assumed-role/going/me"
    iam.delete_role_policy(RoleName="going", PolicyName="all")
    iam.delete_role(RoleName="going")
    assert refused(held.get_caller_identity) == ("InvalidClientTokenId", 403)
    role("going")  # another role of the same name has another id
    assert refused(held.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_a_path_is_not_part_of_a_sessions_name(client: Callable[..., Any], role: Callable[..., str]) -> None:
    arn = role("pathed", Path="/team/search/")
    answer = client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{DEV}:assumed-role/pathed/me"
    assert refused(client("sts").assume_role, RoleArn=arn.replace("/team/search/", "/"), RoleSessionName="me") == (
        "AccessDenied",
        403,
    )


def test_a_users_session(client: Callable[..., Any], user: Any, role: Callable[..., str]) -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    made = user.get_session_token(DurationSeconds=129600)["Credentials"]
    inside = as_client(made, "sts")
    assert inside.get_caller_identity()["Arn"] == f"arn:aws:iam::{DEV}:user/admin"
    assert as_client(made, "ssm").describe_parameters()["Parameters"] == []
    assert refused(as_client(made, "iam").list_users) == ("InvalidClientTokenId", 403)
    assert refused(inside.get_session_token) == ("AccessDenied", 403)
    assert refused(client("sts").get_session_token) == ("AccessDenied", 403)
    assert refused(user.get_session_token, DurationSeconds=129601) == ("ValidationError", 400)
    long = role("for-users", MaxSessionDuration=7200)
    assert inside.assume_role(RoleArn=long, RoleSessionName="me", DurationSeconds=7200)["Credentials"]


def test_a_federated_user(client: Callable[..., Any], user: Any) -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    answer = user.get_federation_token(Name="visitor", Policy=ANYTHING)
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{DEV}:visitor",
        "Arn": f"arn:aws:sts::{DEV}:federated-user/visitor",
    }
    inside = as_client(answer["Credentials"], "sts")
    assert inside.get_caller_identity()["UserId"] == f"{DEV}:visitor"
    assert as_client(answer["Credentials"], "ssm").describe_parameters()["Parameters"] == []
    assert refused(inside.assume_role, RoleArn=OPERATOR, RoleSessionName="me") == ("AccessDenied", 403)
    assert refused(as_client(answer["Credentials"], "iam").list_users) == ("InvalidClientTokenId", 403)
    nothing = user.get_federation_token(Name="visitor")["Credentials"]
    assert refused(as_client(nothing, "ssm").describe_parameters)[0].startswith("AccessDenied")
    assert refused(client("sts").get_federation_token, Name="visitor") == ("AccessDenied", 403)


def test_no_account_has_a_saml_provider(server: Server) -> None:
    anybody = boto3.client("sts", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
    provider = f"arn:aws:iam::{DEV}:saml-provider/x"
    call = {"RoleArn": OPERATOR, "PrincipalArn": provider, "SAMLAssertion": "PHNhbWw+"}
    assert refused(anybody.assume_role_with_saml, **call) == ("AccessDenied", 403)
    anybody.close()


def test_the_account_of_a_key(client: Callable[..., Any]) -> None:
    person = boto3.Session(profile_name="person").get_credentials()
    assert person is not None
    assert client("sts").get_access_key_info(AccessKeyId=person.access_key)["Account"] == "999999999999"
    assert refused(client("sts").get_access_key_info, AccessKeyId="AKIAABCDEFGHIJKLMNOP") == ("ValidationError", 400)


def test_services_get_sessions_that_end_with_the_role(client: Callable[..., Any], role: Callable[..., str]) -> None:
    arn = role("worker")
    made = identity.role_credentials(arn, session_name="work", duration_s=900)
    key = {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": made.session_token,
    }
    assert as_client(key, "sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{DEV}:assumed-role/worker/work"
    assert set(made.environment()) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


def test_ended_sessions_are_forgotten_after_a_day(server: Server) -> None:
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    facts: dict[str, Any] = {"kind": "user", "account_id": DEV, "arn": "a", "user_id": "u", "duration_s": 900}
    old = sessions.open_session(now=long_ago, **facts)
    recent = [sessions.open_session(now=datetime.datetime.now(datetime.UTC), **facts) for _ in range(257)]
    assert sessions.find(old.access_key_id) is None
    assert sessions.find(recent[0].access_key_id) is not None
