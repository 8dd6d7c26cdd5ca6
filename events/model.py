"""What all our pydantic models share, and the small field types they are made of."""

from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, dataclass_transform

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)
from pydantic._internal._model_construction import ModelMetaclass

from coord.events.body import DEPTH_MAX
from coord.events.errors import visible
from coord.events.tokens import TOKEN_LENGTH_MAX, TOKEN_PATTERN

TITLE_LENGTH_MAX: Final = 200
NOTE_LENGTH_MAX: Final = 2_000
LEASE_SECONDS_MIN: Final = 1.0
LEASE_SECONDS_MAX: Final = 86_400.0
PRIORITY_MAX: Final = 9
POSITION_MAX: Final = 2**63 - 1
NANOSECONDS_MAX: Final = 2**62
"""The year 2116: a moment plus any offset or age still fits 64 bits."""


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))
class _Plain(ModelMetaclass):
    """Makes `isinstance` ask for true classes alone. Pydantic's way asks for registered ones too, and takes ten times
    as long to say no: a command is asked forty times what it is.
    """

    __instancecheck__ = type.__instancecheck__


class Words(BaseModel, metaclass=_Plain):
    """A frozen model that refuses unknown fields and non-finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=65_536)


class Event(Words):
    """The fields of one fact. Its type, aggregate and version stand in the catalog."""


class Command(Words):
    """A wish. It may be refused; the same `request_id` again gets the same reply."""


class Question(Words):
    """Something the projector answers."""


def _shallow(value: Any) -> Any:
    """Bound the nesting of a free JSON value so that the whole body stays within the border's limit."""
    stack = [(value, 1)]
    while stack:
        inner, depth = stack.pop()
        if depth > DEPTH_MAX - 2:
            raise ValueError(f"nested deeper than {DEPTH_MAX - 2}")
        if isinstance(inner, dict):
            stack.extend((item, depth + 1) for item in inner.values())
        elif isinstance(inner, list):
            stack.extend((item, depth + 1) for item in inner)
    return value


Model = TypeVar("Model", bound=Words)


def trusted(kind: type[Model], **values: Any) -> Model:
    """Make a model of values that were checked when they came in: at a quarter of the cost, without a look at them.

    A field that has no value gets its default.
    """
    made = kind.__new__(kind)
    fill = object.__setattr__
    fill(made, "__dict__", _defaults(kind) | values)
    fill(made, "__pydantic_fields_set__", _names(kind))
    fill(made, "__pydantic_extra__", None)
    fill(made, "__pydantic_private__", None)
    return made


@cache
def _defaults(kind: type[Words]) -> dict[str, Any]:
    """Return what fields are without a value, in the order of all fields; None where there must be one."""
    fields = kind.model_fields.items()
    return {name: None if field.is_required() else field.get_default() for name, field in fields}


@cache
def _names(kind: type[Words]) -> set[str]:
    return set(kind.model_fields)


def written(model: BaseModel) -> bytes:
    """Write a model as JSON as `model_dump_json(exclude_none=True)` does, in half the time."""
    return msgspec.json.encode(_present(model), enc_hook=_present)


def _present(value: Any) -> Any:
    if not isinstance(value, BaseModel):
        raise TypeError(f"a {type(value).__name__} has no place in JSON.")
    return {name: one for name, one in value.__dict__.items() if one is not None}


Token = Annotated[str, StringConstraints(pattern=f"^{TOKEN_PATTERN}$", max_length=TOKEN_LENGTH_MAX)]
Json = Annotated[JsonValue, AfterValidator(_shallow)]
Title = Annotated[str, Field(min_length=1, max_length=TITLE_LENGTH_MAX)]
Note = Annotated[str, Field(max_length=NOTE_LENGTH_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Position = Annotated[int, Field(ge=1, le=POSITION_MAX)]
Nanoseconds = Annotated[int, Field(ge=0, le=NANOSECONDS_MAX)]
Bytes = Annotated[int, Field(ge=0, le=POSITION_MAX)]
Count = Annotated[int, Field(ge=0, le=POSITION_MAX)]
Seconds = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
LeaseSeconds = Annotated[float, Field(ge=LEASE_SECONDS_MIN, le=LEASE_SECONDS_MAX)]
Priority = Annotated[int, Field(ge=0, le=PRIORITY_MAX)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = float | Literal["nan", "inf", "-inf"]
"""A measured value. JSON has no NaN, and a NaN loss is a fact: it travels as a word."""

assert LEASE_SECONDS_MIN < LEASE_SECONDS_MAX


def first_fault(error: ValidationError) -> str:
    """Say in one sentence what the first wrong field of a model is; names and values are escaped and cut."""
    fault: Any = error.errors(include_url=False)[0]
    where = visible(".".join(str(part) for part in fault["loc"]))
    value = "" if fault["type"] == "missing" else f" is {visible(repr(fault.get('input')))}"
    more = error.error_count() - 1
    rest = f" ({more} more)" if more else ""
    place = f"{where}{value}: " if where else ""
    return f"{place}{fault['msg']}{rest}."
