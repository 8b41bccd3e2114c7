"""Prints tools as workers with pydantic declare them, version 1 and 2, each with arguments that fit: pydantic.json.

Every tool returns its arguments.
"""

import datetime
import decimal
import enum
import ipaddress
import json
import pathlib
import typing
import uuid
import warnings

warnings.simplefilter("ignore")

import pydantic
import pydantic.v1
import typing_extensions


class Color(enum.Enum):
    """A color."""

    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 9


def v1():
    p = pydantic.v1

    class Address(p.BaseModel):
        """An address."""

        city: str = p.Field(..., description="The city", min_length=1, example="Ulm")
        zip: typing.Optional[str] = None

    class Cat(p.BaseModel):
        kind: typing.Literal["cat"]
        lives: int = 9

    class Dog(p.BaseModel):
        kind: typing.Literal["dog"]
        good: bool

    class Node(p.BaseModel):
        name: str
        children: typing.List["Node"] = []

    Node.update_forward_refs(Node=Node)
    yield from common(p, Address, Cat, Dog, Node)
    yield "con_str", p.constr(regex=r"^[a-z]+$", max_length=5), "abc"
    yield "con_decimal", p.condecimal(gt=0, decimal_places=2), 1.5
    yield "secret", p.SecretStr, "a"
    yield "any_url", p.AnyUrl, "https://example.com/"
    yield "ip", p.IPvAnyAddress, "::1"
    yield "color", typing.Pattern, "a+"
    yield "discriminated", typing.Union[Cat, Dog], {"kind": "dog", "good": True}


def v2():
    p = pydantic

    class Address(p.BaseModel):
        """An address."""

        model_config = {"extra": "forbid", "json_schema_extra": {"x-ui": {"order": 1}}}

        city: str = p.Field(description="The city", min_length=1, examples=["Ulm"], json_schema_extra={"x-order": 1})
        zip: typing.Optional[str] = None

    class Cat(p.BaseModel):
        kind: typing.Literal["cat"]
        lives: int = 9

    class Dog(p.BaseModel):
        kind: typing.Literal["dog"]
        good: bool = p.Field(deprecated=True)

    class Node(p.BaseModel):
        name: str
        children: list["Node"] = []

    Node.model_rebuild(_types_namespace={"Node": Node})
    yield from common(p, Address, Cat, Dog, Node)
    annotated = typing.Annotated
    yield "con_str", annotated[str, p.StringConstraints(pattern=r"^\p{L}+$", max_length=5)], "abc"
    yield "con_decimal", annotated[decimal.Decimal, p.Field(gt=0, decimal_places=2)], "1.5"
    yield "secret", p.SecretStr, "a"
    yield "any_url", p.AnyUrl, "https://example.com/"
    yield "ip", p.IPvAnyAddress, "::1"
    yield "base64", p.Base64Bytes, "AQID"
    yield "byte_size", p.ByteSize, 5
    yield "aware", p.AwareDatetime, "2026-02-28T23:59:59Z"
    yield "discriminated", annotated[typing.Union[Cat, Dog], p.Field(discriminator="kind")], {"kind": "cat", "lives": 9}
    yield "some_discriminated", list[annotated[typing.Union[Cat, Dog], p.Field(discriminator="kind")]], [{"kind": "dog", "good": True}]
    yield "typed_dict", TypedPoint, {"x": 1, "y": 2.5}
    yield "named_tuple", NamedPoint, [1, 2.5]
    yield "exclusive", annotated[float, p.Field(gt=0, lt=1, multiple_of=0.25)], 0.5


class TypedPoint(typing_extensions.TypedDict, total=False):
    x: int
    y: float


class NamedPoint(typing.NamedTuple):
    x: int
    y: float = 0


def common(p, Address, Cat, Dog, Node):
    """The types that both versions have."""
    t = typing
    # Version 1 writes that an optional value may be left out, and not that it may be null.
    is_newer = p is pydantic
    home = {"city": "Ulm", "zip": None} if is_newer else {"city": "Ulm"}
    yield "str", str, "a"
    yield "int", int, 1
    yield "float", float, 1.5
    yield "bool", bool, True
    yield "bytes", bytes, "abc"
    yield "any", t.Any, {"a": 1}
    yield "bare_dict", dict, {"a": 1}
    yield "bare_list", list, [1, "a"]
    yield "date", datetime.date, "2026-02-28"
    yield "time", datetime.time, "23:59:59"
    yield "datetime", datetime.datetime, "2026-02-28T23:59:59Z"
    yield "timedelta", datetime.timedelta, "P1D" if is_newer else 86400
    yield "decimal", decimal.Decimal, "1.5" if is_newer else 1.5
    yield "uuid", uuid.UUID, "67e55044-10b1-426f-9247-bb680e5fe0c8"
    yield "path", pathlib.Path, "/tmp"
    yield "ipv4", ipaddress.IPv4Address, "127.0.0.1"
    yield "network", ipaddress.IPv4Network, "10.0.0.0/8"
    yield "interface", ipaddress.IPv6Interface, "::1/128"
    yield "optional", t.Optional[int], None if is_newer else 1
    yield "union", t.Union[int, str, None], "a"
    yield "literal", t.Literal["a", 1, None], 1
    yield "enum", Color, "red"
    yield "int_enum", Level, 9
    yield "optional_enum", t.Optional[Color], "green"
    yield "list", t.List[int], [1]
    yield "set", t.Set[str], ["a"]
    yield "frozenset", t.FrozenSet[Color], ["red"]
    yield "tuple", t.Tuple[int, str], [1, "a"]
    yield "variadic_tuple", t.Tuple[int, ...], [1, 2]
    yield "empty_tuple", t.Tuple[()], []
    yield "dict", t.Dict[str, int], {"a": 1}
    yield "dict_of_ints", t.Dict[int, str], {"1": "a"}
    yield "dict_of_enums", t.Dict[Color, int], {"red": 1}
    yield "model", Address, home
    yield "optional_model", t.Optional[Address], None if is_newer else home
    yield "models", t.List[Address], [home]
    yield "dict_of_models", t.Dict[str, Address], {"a": home}
    yield "union_of_models", t.Union[Address, Cat], {"kind": "cat", "lives": 9}
    yield "recursive", Node, {"name": "a", "children": [{"name": "b", "children": []}]}
    yield "with_default", create(p, (int, 7)), {"a": 1}
    yield "with_alias", create(p, (str, p.Field(alias="theName"))), {"theName": "b"}


def create(p, field):
    return p.create_model("Inner", a=field)


def tools():
    for version, types in [("pydantic1", v1()), ("pydantic2", v2())]:
        for name, kind, value in types:
            if version == "pydantic1":
                whole = pydantic.v1.create_model("Whole", value=(kind, ...))
                schemas = [whole.schema()] * 2
            else:
                whole = pydantic.create_model("Whole", value=(kind, ...))
                schemas = [whole.model_json_schema(mode=mode) for mode in ["validation", "serialization"]]
            yield {
                "name": f"{version}_{name}",
                "description": "Return the value.",
                "input_schema": schemas[0],
                "output_schema": schemas[1],
                "arguments": {"value": value},
            }


# One tool on a line.
lines = ",\n".join(json.dumps(tool, default=str, ensure_ascii=False) for tool in tools())
print(f"[\n{lines}\n]")
