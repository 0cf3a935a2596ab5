"""The Sparkplug B payload as protobuf messages, made from a table of their fields.

References:
    Eclipse Sparkplug 3.0, chapter 6 (payloads): names, numbers and types of the fields.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "goldenbatch.sparkplug_b"
_KINDS = {"double": 1, "float": 2, "uint64": 4, "bool": 8, "string": 9, "bytes": 12, "uint32": 13}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3
_VALUE = "value"  # the oneof in which a value stands


class DataType(IntEnum):
    """Types of metrics (Sparkplug 3.0, 6.4.16)."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15
    DATA_SET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATE_TIME_ARRAY = 34


# name: (field, number, type, how): how is "" (optional), "*" (repeated) or "=" (in the oneof)
_MESSAGES: dict[str, tuple[tuple[str, int, str, str], ...]] = {
    "DataSetValue": (
        ("int_value", 1, "uint32", "="),
        ("long_value", 2, "uint64", "="),
        ("float_value", 3, "float", "="),
        ("double_value", 4, "double", "="),
        ("boolean_value", 5, "bool", "="),
        ("string_value", 6, "string", "="),
    ),
    "Row": (("elements", 1, "DataSetValue", "*"),),
    "DataSet": (
        ("num_of_columns", 1, "uint64", ""),
        ("columns", 2, "string", "*"),
        ("types", 3, "uint32", "*"),
        ("rows", 4, "Row", "*"),
    ),
    "PropertyValue": (
        ("type", 1, "uint32", ""),
        ("is_null", 2, "bool", ""),
        ("int_value", 3, "uint32", "="),
        ("long_value", 4, "uint64", "="),
        ("float_value", 5, "float", "="),
        ("double_value", 6, "double", "="),
        ("boolean_value", 7, "bool", "="),
        ("string_value", 8, "string", "="),
        ("propertyset_value", 9, "PropertySet", "="),
        ("propertysets_value", 10, "PropertySetList", "="),
    ),
    "PropertySet": (("keys", 1, "string", "*"), ("values", 2, "PropertyValue", "*")),
    "PropertySetList": (("propertyset", 1, "PropertySet", "*"),),
    "MetaData": (
        ("is_multi_part", 1, "bool", ""),
        ("content_type", 2, "string", ""),
        ("size", 3, "uint64", ""),
        ("seq", 4, "uint64", ""),
        ("file_name", 5, "string", ""),
        ("file_type", 6, "string", ""),
        ("md5", 7, "string", ""),
        ("description", 8, "string", ""),
    ),
    "Parameter": (
        ("name", 1, "string", ""),
        ("type", 2, "uint32", ""),
        ("int_value", 3, "uint32", "="),
        ("long_value", 4, "uint64", "="),
        ("float_value", 5, "float", "="),
        ("double_value", 6, "double", "="),
        ("boolean_value", 7, "bool", "="),
        ("string_value", 8, "string", "="),
    ),
    "Template": (
        ("version", 1, "string", ""),
        ("metrics", 2, "Metric", "*"),
        ("parameters", 3, "Parameter", "*"),
        ("template_ref", 4, "string", ""),
        ("is_definition", 5, "bool", ""),
    ),
    "Metric": (
        ("name", 1, "string", ""),
        ("alias", 2, "uint64", ""),
        ("timestamp", 3, "uint64", ""),
        ("datatype", 4, "uint32", ""),
        ("is_historical", 5, "bool", ""),
        ("is_transient", 6, "bool", ""),
        ("is_null", 7, "bool", ""),
        ("metadata", 8, "MetaData", ""),
        ("properties", 9, "PropertySet", ""),
        ("int_value", 10, "uint32", "="),
        ("long_value", 11, "uint64", "="),
        ("float_value", 12, "float", "="),
        ("double_value", 13, "double", "="),
        ("boolean_value", 14, "bool", "="),
        ("string_value", 15, "string", "="),
        ("bytes_value", 16, "bytes", "="),
        ("dataset_value", 17, "DataSet", "="),
        ("template_value", 18, "Template", "="),
    ),
    "Payload": (
        ("timestamp", 1, "uint64", ""),
        ("metrics", 2, "Metric", "*"),
        ("seq", 3, "uint64", ""),
        ("uuid", 4, "string", ""),
        ("body", 5, "bytes", ""),
    ),
}


@cache
def messages() -> dict[str, Any]:
    """The classes of all messages by name, made once."""
    file = descriptor_pb2.FileDescriptorProto(
        name="goldenbatch/sparkplug_b.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(how == "=" for *_, how in fields):
            message.oneof_decl.add(name=_VALUE)
        for field, number, kind, how in fields:
            added = message.field.add(name=field, number=number)
            added.label = _REPEATED if how == "*" else _OPTIONAL
            added.type = _KINDS.get(kind, _MESSAGE)
            if added.type == _MESSAGE:
                added.type_name = f".{_PACKAGE}.{kind}"
            if how == "=":
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def payload_class() -> Any:
    """The class of payloads."""
    return messages()["Payload"]
