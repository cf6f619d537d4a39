"""Takes typed values out of a parsed tfvars file; whatever does not fit is one error with file and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from glue.core.release import VARIABLE
from glue.errors import UsageError
from glue.tf.hcl import Value, path_of

_NAMES = {bool: "a bool", int: "a whole number", float: "a number", str: "a string", list: "a list", dict: "an object"}


class FieldError(UsageError):
    """A key is unknown, missing, or of the wrong type. The message names the file and the key."""


class Fields:
    """One object of a tfvars file. Each key is asked for once; `done` refuses the rest, which nobody knows."""

    def __init__(self, values: Mapping[str, Value], *, file: str, where: Sequence[str] = ()) -> None:
        self._values = values
        self._file = file
        self._where = tuple(where)
        self._known: list[str] = []

    def error(self, key: str, message: str) -> FieldError:
        """Return an error about one key of this object."""
        return FieldError(f"{self._file}: {path_of((*self._where, key))}: {message}")

    def string(self, key: str) -> str:
        """Return a string. Raises FieldError when it is missing, null or empty."""
        value = self.optional_string(key)
        if not value:
            raise self.error(key, "it is missing; give a string")
        return value

    def optional_string(self, key: str) -> str | None:
        """Return a string, or None when it is null or absent."""
        value = self._take(key)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(key, value, "a string")

    def integer(self, key: str, *, default: int | None = None) -> int:
        """Return a whole number. Raises FieldError when it is missing and there is no default."""
        value = self.optional_integer(key)
        if value is None and default is None:
            raise self.error(key, "it is missing; give a whole number")
        return value if value is not None else default or 0

    def optional_integer(self, key: str) -> int | None:
        """Return a whole number, or None when it is null or absent."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, value, "a whole number")
        return value

    def number(self, key: str, *, default: float) -> float:
        """Return a number, or the default when it is null or absent."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, value, "a number")
        return value

    def optional_number(self, key: str) -> float | None:
        """Return a number, or None when it is null or absent."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, value, "a number")
        return float(value)

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return a bool, or the default when it is null or absent."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(key, value, "a bool")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty when it is null or absent."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, value, "a list of strings")
        return tuple(str(item) for item in value)

    def string_map(self, key: str) -> dict[str, str]:
        """Return a map of strings, empty when it is absent. Numbers and bools become strings, as in Terraform."""
        found: dict[str, str] = {}
        for name, value in self.value_map(key).items():
            if isinstance(value, bool):
                found[name] = "true" if value else "false"
            elif isinstance(value, str | int | float):
                found[name] = str(value)
            else:
                raise self.error(f"{key}.{name}", f"it is {_name(value)}; give a string")
        return found

    def variables(self, key: str) -> dict[str, str]:
        """Return a container's environment variables. Raises FieldError for a name that SageMaker would refuse.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html (Environment)
        """
        found = self.string_map(key)
        for name in found:
            if not VARIABLE.match(name):
                raise self.error(f"{key}.{name}", "a variable's name has letters, digits and _, and no digit first")
        return found

    def value_map(self, key: str) -> Mapping[str, Value]:
        """Return an object as it is, empty when it is null or absent."""
        value = self._take(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(key, value, "an object")
        return value

    def object(self, key: str) -> Fields:
        """Return an object. Raises FieldError when it is missing or null."""
        found = self.optional_object(key)
        if found is None:
            raise self.error(key, "it is missing; give an object")
        return found

    def optional_object(self, key: str) -> Fields | None:
        """Return an object, or None when it is null or absent."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(key, value, "an object")
        return Fields(value, file=self._file, where=(*self._where, key))

    def objects(self, key: str) -> Iterator[tuple[str, Fields]]:
        """Yield each name and object of a map of objects; none when it is null or absent."""
        for name, value in self.value_map(key).items():
            if not isinstance(value, dict):
                raise self.error(f"{key}.{name}", f"it is {_name(value)}; give an object")
            yield name, Fields(value, file=self._file, where=(*self._where, key, name))

    def ignore(self, *keys: str) -> None:
        """Accept keys that Terraform checks and the glue does not read."""
        self._known.extend(keys)

    def done(self) -> None:
        """Raise FieldError when there is a key that nobody asked for: Terraform would drop it in silence."""
        for key in self._values:
            if key not in self._known:
                close = difflib.get_close_matches(key, self._known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(self._known))}"
                raise self.error(key, f"this key is unknown; {hint}")

    def _take(self, key: str) -> Value:
        self._known.append(key)
        return self._values.get(key)

    def _wrong(self, key: str, value: Value, wanted: str) -> FieldError:
        return self.error(key, f"it is {_name(value)}; give {wanted}")


def _name(value: Value) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)
