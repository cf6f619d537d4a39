"""Makes `.sandbox/`: shell exports, AWS profiles, a copy of `environments/`. All of it anew at each fresh start."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from sandbox import accounts
from sandbox.settings import Settings

# What else could send a command to another account, another endpoint or real AWS.
_UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_S3_ENDPOINT",
    "AWS_STS_ENDPOINT",
)
# What a start replaces. Locks and records of a running server are not in it.
_VOLATILE = (
    "env",
    "aws",
    "environments",
    "work",
    "images",
    "objects",
    "workloads",
    "requests.jsonl",
    "token",
    "denials.jsonl",
    "faults.jsonl",
    "oidc",
    "outbox",
)


def wipe(settings: Settings) -> None:
    """Remove what belongs to a server that is gone; `env` first, so that nobody works on half a sandbox."""
    for name in _VOLATILE:
        path = settings.home / name
        if path.is_dir() and not path.is_symlink():
            grave = settings.home / f".gone-{name}-{os.getpid()}"
            path.rename(grave)
            shutil.rmtree(grave, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for leftover in settings.home.glob(".gone-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def prepare(settings: Settings) -> None:
    """Make everything but `env`, which `announce` writes once the server answers."""
    settings.home.mkdir(parents=True, exist_ok=True)
    accounts.write_files(settings)
    settings.work.mkdir()
    draft = settings.home / f".environments-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    source = settings.repository / "environments"
    if source.is_dir():
        shutil.copytree(source, draft, ignore=shutil.ignore_patterns(".terraform"))
    else:
        draft.mkdir()
    draft.rename(settings.environments)


def announce(settings: Settings) -> None:
    """Write `env`: whoever sources it works on the sandbox."""
    accounts.write_atomically(settings.env_file, environment_text(settings))


def exports(settings: Settings) -> dict[str, str]:
    """Return the variables that send unmodified commands to the sandbox."""
    return {
        "AWS_CONFIG_FILE": str(settings.aws_config),
        "AWS_SHARED_CREDENTIALS_FILE": str(settings.aws_credentials),
        "AWS_ENDPOINT_URL": settings.url,
        # Terraform's S3 backend reads only these two (https://developer.hashicorp.com/terraform/language/backend/s3)
        "AWS_ENDPOINT_URL_S3": settings.url,
        "AWS_ENDPOINT_URL_STS": settings.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SANDBOX_HOME": str(settings.home),
        "SANDBOX_PORT": str(settings.port),
        "SLIPWAY_ENVIRONMENTS": str(settings.environments),
        "SLIPWAY_WORK": str(settings.work),
        # buckets are names in the path here: there is no DNS for <bucket>.127.0.0.1
        "TF_CLI_ARGS_init": "-backend-config=use_path_style=true",
    }


def environment_text(settings: Settings) -> str:
    """Return the shell text; POSIX, may be sourced any number of times."""
    lines = [
        "# Sends AWS commands of this shell to the sandbox: . " + shlex.quote(str(settings.env_file)),
        "unset " + " ".join(_UNSET),
        *(f"export {name}={shlex.quote(value)}" for name, value in exports(settings).items()),
        f'case ",${{NO_PROXY:-}}," in *,{settings.host},*) ;; *)',
        f'  export NO_PROXY="{settings.host}${{NO_PROXY:+,$NO_PROXY}}" ;; esac',
        'export no_proxy="$NO_PROXY"',
    ]
    return "\n".join(lines) + "\n"


def is_complete(settings: Settings) -> bool:
    """Return whether everything that a running server's users need lies in the home folder."""
    needed: list[Path] = [settings.env_file, settings.aws_config, settings.aws_credentials, settings.environments]
    return all(path.exists() for path in needed)
