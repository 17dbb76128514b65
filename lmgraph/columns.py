"""The pandas type of each field of a struct: the same columns and types for every result."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

_TYPE: Final[Mapping[tuple[object, bool], Any]] = {  # by type and whether it may be missing
    (int, False): "int64",
    (int, True): "Int64",
    (float, False): "float64",
    (float, True): "Float64",
    (bool, False): "bool",
    (bool, True): "boolean",
    (str, False): "string",
    (str, True): "string",
}


def types_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Column name, as encoded, to pandas type; lists, mappings and structs are objects."""
    hints = get_type_hints(struct)
    return {field.encode_name: _type(hints[field.name]) for field in msgspec.structs.fields(struct)}


def _type(hint: Any) -> Any:
    options = get_args(hint) if isinstance(hint, UnionType) or get_origin(hint) is Union else (hint,)
    kinds = {str if get_origin(option) is Literal else option for option in options} - {type(None)}
    return _TYPE.get((kinds.pop(), type(None) in options), "object") if len(kinds) == 1 else "object"
