"""Makes the accounts: their operators, the application that calls production, an outsider, and the person behind them.

The person may become exactly these and do nothing else; an operator administers its own account and nothing beyond it.
"""

from __future__ import annotations

import json
import os
import secrets
from configparser import ConfigParser
from pathlib import Path

from sandbox.settings import (
    APPLICATION_ACCOUNT,
    APPLICATION_ROLE,
    ENVIRONMENT_ACCOUNTS,
    OPERATOR_ROLE,
    OUTSIDER_ACCOUNT,
    OUTSIDER_ROLE,
    PEOPLE_ACCOUNT,
    PERSON,
    Settings,
)

PERSON_ARN = f"arn:aws:iam::{PEOPLE_ACCOUNT}:user/{PERSON}"
_ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Administer", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def write_files(settings: Settings) -> None:
    """Write the AWS config and credentials files: one static key for the person, one profile for each role.

    The key is made anew each time, so none is ever worth stealing.
    """
    config = ConfigParser()
    roles = _profiles(settings)
    config[f"profile {PERSON}"] = {"region": settings.region}
    for name, role_arn in roles.items():
        config[f"profile {name}"] = {
            "role_arn": role_arn,
            "source_profile": PERSON,
            "role_session_name": f"{PERSON}-{name}",
            "region": settings.region,
        }
    credentials = ConfigParser()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    credentials[PERSON] = {
        "aws_access_key_id": "AKIA" + "".join(secrets.choice(alphabet) for _ in range(16)),
        "aws_secret_access_key": secrets.token_hex(20),
    }
    write_atomically(settings.aws_config, _text(config))
    write_atomically(settings.aws_credentials, _text(credentials))


def _profiles(settings: Settings) -> dict[str, str]:
    """Return the role of each profile."""
    roles = {name: f"arn:aws:iam::{account}:role/{OPERATOR_ROLE}" for name, account in settings.accounts.items()}
    roles["application"] = f"arn:aws:iam::{APPLICATION_ACCOUNT}:role/{APPLICATION_ROLE}"
    roles["outsider"] = f"arn:aws:iam::{OUTSIDER_ACCOUNT}:role/{OUTSIDER_ROLE}"
    return roles


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by one rename: readers see the old text or the new one. Only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _text(parser: ConfigParser) -> str:
    sections = [
        "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in parser[name].items())])
        for name in parser.sections()
    ]
    return "\n\n".join(sections) + "\n"


def create(settings: Settings) -> None:
    """Make users and roles inside moto, in this process, with the key that the credentials file holds."""
    from moto.iam.models import iam_backends  # noqa: PLC0415  (moto's settings are made before its import)

    people = iam_backends[PEOPLE_ACCOUNT]["aws"]
    people.create_user("us-east-1", PERSON)
    people.put_user_policy(
        PERSON,
        "assume-operators",
        _policy("BecomeOperator", "sts:AssumeRole", sorted(_profiles(settings).values())),
    )
    key = people.create_access_key(PERSON)
    credentials = ConfigParser()
    credentials.read(settings.aws_credentials)
    del people.access_keys[key.access_key_id]
    key.access_key_id = credentials[PERSON]["aws_access_key_id"]
    key.secret_access_key = credentials[PERSON]["aws_secret_access_key"]
    people.access_keys[key.access_key_id] = key
    for account in settings.accounts.values():
        _create_role(account, OPERATOR_ROLE, json.dumps(_ADMINISTRATOR))
    _create_role(OUTSIDER_ACCOUNT, OUTSIDER_ROLE, json.dumps(_ADMINISTRATOR))
    callers = _policy("BecomeCaller", "sts:AssumeRole", ["arn:aws:iam::*:role/*-caller-*"])
    _create_role(APPLICATION_ACCOUNT, APPLICATION_ROLE, callers)


def _create_role(account: str, name: str, policy: str) -> None:
    from moto.iam.models import iam_backends  # noqa: PLC0415

    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": PERSON_ARN}, "Action": "sts:AssumeRole"}],
    }
    iam = iam_backends[account]["aws"]
    iam.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(trust),
        path="/",
        permissions_boundary=None,
        description="Made by the sandbox",
        tags=[],
        max_session_duration="43200",
    )
    iam.put_role_policy(name, "sandbox", policy)


def _policy(sid: str, action: str, resources: list[str]) -> str:
    statement = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def names() -> str:
    """Return the accounts in one line for people: `dev 111111111111, ...`."""
    return ", ".join(f"{name} {account}" for name, account in ENVIRONMENT_ACCOUNTS.items())
