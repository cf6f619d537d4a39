"""S3's small XML documents, written and read."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from sandbox.errors import AwsError

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Members = Sequence[tuple[str, Any]]


def document(root: str, members: Members) -> bytes:
    """Return an XML document. A member's value is text, a number, a bool, or members again; None is left out."""
    text = "".join(_element(name, value) for name, value in members)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<{root} xmlns="{NAMESPACE}">{text}</{root}>'.encode()


def _element(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | tuple):
        text = "".join(_element(inner, content) for inner, content in value)
    else:
        text = escape(str(value))
    return f"<{name}>{text}</{name}>"


def answer(root: str, members: Members, headers: dict[str, str] | None = None) -> Response:
    """Return a 200 with an XML document."""
    return Response(document(root, members), status=200, headers=headers, content_type="application/xml")


def parse(body: bytes) -> Element:
    """Return the root of a request's document. Raises AwsError MalformedXML.

    A document type is refused: entities can make a short document a huge one, and S3 needs none.
    """
    if b"<!DOCTYPE" in body or len(body) > 4 * 1024 * 1024:
        raise _malformed()
    try:
        return fromstring(body)  # noqa: S314  (no document type, bounded length)
    except ParseError:
        raise _malformed() from None


def child(element: Element, name: str) -> str | None:
    """Return the text of a child, whatever its namespace; None when there is no such child."""
    for candidate in element:
        if candidate.tag.rpartition("}")[2] == name:
            return (candidate.text or "").strip()
    return None


def http_date(moment: datetime.datetime) -> str:
    """Return a date as HTTP headers write it; `moment` is UTC."""
    return format_datetime(moment.replace(tzinfo=datetime.UTC), usegmt=True)


def iso_date(moment: datetime.datetime) -> str:
    """Return a date as S3's XML writes it; `moment` is UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parse_date(text: str | None) -> datetime.datetime | None:
    """Return the date in an HTTP header as naive UTC; None when there is none or it cannot be read (S3 ignores it)."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _malformed() -> AwsError:
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
