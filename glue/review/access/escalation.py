"""Rights that lead to more rights.

Known ways: https://github.com/RhinoSecurityLabs/AWS-IAM-Privilege-Escalation, https://pathfinding.cloud.
"""

from __future__ import annotations

from collections.abc import Iterable

from glue.iam.wildcards import matcher, tokens_of
from glue.review.access.sentences import short, unique
from glue.review.model import Right

# What one of these actions lets its holder do; on everything, or on too much.
_ALWAYS = {
    "iam:createpolicyversion": "rewrite managed policies (iam:CreatePolicyVersion)",
    "iam:setdefaultpolicyversion": "bring back older policies (iam:SetDefaultPolicyVersion)",
    "iam:putrolepolicy": "write policies into roles (iam:PutRolePolicy)",
    "iam:putuserpolicy": "write policies into users (iam:PutUserPolicy)",
    "iam:putgrouppolicy": "write policies into groups (iam:PutGroupPolicy)",
    "iam:attachrolepolicy": "attach policies to roles (iam:AttachRolePolicy)",
    "iam:attachuserpolicy": "attach policies to users (iam:AttachUserPolicy)",
    "iam:attachgrouppolicy": "attach policies to groups (iam:AttachGroupPolicy)",
    "iam:addusertogroup": "join groups (iam:AddUserToGroup)",
    "iam:updateassumerolepolicy": "let itself into roles (iam:UpdateAssumeRolePolicy)",
    "iam:createaccesskey": "make keys of users (iam:CreateAccessKey)",
    "iam:createloginprofile": "set passwords of users (iam:CreateLoginProfile)",
    "iam:updateloginprofile": "change passwords of users (iam:UpdateLoginProfile)",
    "iam:deleterolepermissionsboundary": "take boundaries off roles (iam:DeleteRolePermissionsBoundary)",
    "iam:deleteuserpermissionsboundary": "take boundaries off users (iam:DeleteUserPermissionsBoundary)",
    "iam:putrolepermissionsboundary": "change boundaries of roles (iam:PutRolePermissionsBoundary)",
    "iam:putuserpermissionsboundary": "change boundaries of users (iam:PutUserPermissionsBoundary)",
}
_BROADLY = {
    "iam:passrole": "hand roles to services (iam:PassRole)",
    "sts:assumerole": "become other roles (sts:AssumeRole)",
    "lambda:updatefunctioncode": "run code as functions' roles (lambda:UpdateFunctionCode)",
    "lambda:updatefunctionconfiguration": "change what functions run (lambda:UpdateFunctionConfiguration)",
    "kms:putkeypolicy": "rewrite policies of keys (kms:PutKeyPolicy)",
    "kms:creategrant": "let others use keys (kms:CreateGrant)",
    "secretsmanager:getsecretvalue": "read secrets (secretsmanager:GetSecretValue)",
    "ssm:sendcommand": "run commands on machines (ssm:SendCommand)",
}


def shapes(rights: Iterable[Right]) -> tuple[str, ...]:
    """Return in words how some rights of one caller lead to more rights."""
    return unique(way for right in rights for way in _of(right))


def _of(right: Right) -> Iterable[str]:
    where = _where(right)
    broad = any(_broad(resource) for resource in right.resources) or not right.resources
    left_out = [action for action in right.actions if action.startswith("not ")]
    for action in right.actions:
        low = action.lower()
        if action in left_out:
            continue
        if low in ("*", "*:*"):
            but = f" but {', '.join(name.removeprefix('not ') for name in left_out[:4])}" if left_out else ""
            yield f"do everything{but} on {where}"
        elif low.endswith(":*"):
            yield f"do everything of {low.partition(':')[0]} on {where}"
        else:
            known = _ALWAYS | _BROADLY if broad else _ALWAYS
            matches = [words for name, words in known.items() if _means(low, name)]
            if len(matches) > 2:
                yield f"do {action} on {where}, which includes to {matches[0]} and {len(matches) - 1} like it"
            else:
                yield from (f"{words} on {where}" for words in matches)


def _means(pattern: str, name: str) -> bool:
    return pattern == name or (("*" in pattern or "?" in pattern) and bool(matcher(tokens_of(pattern))(name)))


def _broad(resource: str) -> bool:
    """Tell whether a pattern names no resource: everything, or every name of a kind."""
    name = resource.rpartition(":")[2]
    return resource == "*" or name in ("*", "role/*", "function/*", "user/*", "key/*")


def _where(right: Right) -> str:
    names = [short(resource) for resource in right.resources if not resource.startswith("not ")]
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "") if names else "it"
