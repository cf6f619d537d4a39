"""What must not be written into files that many can read."""

from __future__ import annotations

import re
from itertools import pairwise

_WORDS = {"SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"}
_PAIRS = {("ACCESS", "KEY"), ("API", "KEY"), ("PRIVATE", "KEY"), ("SIGNING", "KEY"), ("ENCRYPTION", "KEY")}
# Language models have tokens of another kind: EOS_TOKEN, MAX_TOKENS, TOKENIZER.
_HARMLESS_TOKENS = {"PAD", "EOS", "BOS", "UNK", "SEP", "CLS", "MASK", "STOP", "START", "END", "SPECIAL"}
_REFERENCES = {"ARN", "NAME", "ID", "PATH", "FILE", "URI", "URL"}
_VALUES = (
    ("an AWS access key id", re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}\b")),
    ("a password in a URL", re.compile(r"://[^/\s:@]+:[^/\s@]+@")),
)


def looks_secret(key: str, value: str) -> str | None:
    """Return why a variable looks like a secret, or None. A reference to a secret (its ARN, name or path) is none."""
    for what, pattern in _VALUES:
        if pattern.search(value):
            return f"its value holds {what}"
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).upper().split("_")
    if words[-1] in _REFERENCES or value.startswith("arn:") or not value:
        return None
    if found := _WORDS.intersection(words):
        return f"its name holds {min(found)}"
    for pair in pairwise(words):
        if pair in _PAIRS:
            return f"its name holds {'_'.join(pair)}"
    if words[-1] == "TOKEN" and (len(words) == 1 or words[-2] not in _HARMLESS_TOKENS):
        return "its name ends in TOKEN"
    return None
