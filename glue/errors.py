"""The errors that a user can cause or mend; everything else is a bug and keeps its traceback.

Exit codes of the command (also in its help): 0 done or nothing to do, 1 failed, 2 usage, 3 refused or pending.
"""

from __future__ import annotations


class SlipwayError(Exception):
    """Something failed (exit 1). `message` says what, `remedy` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(SlipwayError):
    """The words of the call are wrong: unknown environment, endpoint, option (exit 2)."""

    exit_code = 2


class RefusedError(SlipwayError):
    """A gate said no, or something is pending; nothing was changed (exit 3)."""

    exit_code = 3


class AwsError(SlipwayError):
    """AWS answered with an error that is neither "absent" nor "denied" (exit 1)."""


class AccessDeniedError(AwsError):
    """AWS denied the request. The message names the action, the resource and the caller (exit 1)."""


class CredentialsError(AwsError):
    """Credentials are missing or expired (exit 1)."""


class NotFoundError(AwsError):
    """AWS answered a true "not found" (exit 1 when it reaches the user)."""
