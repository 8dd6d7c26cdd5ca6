"""What all our pydantic models share, and the small field types they are made of."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, dataclass_transform

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    StringConstraints,
    ValidationError,
)
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import CoreSchema

from coord.events.body import DEPTH_MAX
from coord.events.errors import visible
from coord.events.streams import BODY_BYTES_MAX
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


class _AsLongAsItsBody:
    """Free JSON has texts of any length that its body has room for: of other texts the model's own limit holds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Say so where pydantic would take the model's limit, which is where it is given values, not JSON."""
        schema = handler(source)
        found: Any = handler.resolve_ref_schema(schema)
        found["python_schema"]["choices"]["str"]["max_length"] = BODY_BYTES_MAX
        return schema


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


def trusted(kind: type[Model], values: dict[str, Any]) -> Model:
    """Make a model of values that were checked when they came in: at a fraction of the cost, without a look at them.

    A field that has no value gets its default. Where all have one, they are given in the order of the fields, and the
    dict is the model's from then on. It is no keyword argument each: Python would compare every name with a parameter's.
    """
    names, defaults = _fields(kind)
    return _filled(kind.__new__(kind), values if len(values) == len(names) else defaults | values, names)


def maker(kind: type[Model]) -> Callable[[dict[str, Any]], Model]:
    """Return what makes models of values, all fields with one and in their order, as `trusted` does: the quickest way."""
    names, _ = _fields(kind)

    def make(values: dict[str, Any]) -> Model:
        made = _new(kind)
        _set_values(made, values)
        _set_names(made, names)
        _set_extra(made, None)
        _set_private(made, None)
        return made

    return make


def trusted_all(kind: type[Model], every: list[dict[str, Any]]) -> tuple[Model, ...]:
    """Make models, each with all of its fields in their order, as `trusted` does."""
    names, _ = _fields(kind)
    return tuple([_filled(kind.__new__(kind), values, names) for values in every])


_new: Final = object.__new__


def _filled(made: Model, values: dict[str, Any], names: set[str]) -> Model:
    _set_values(made, values)
    _set_names(made, names)
    _set_extra(made, None)
    _set_private(made, None)
    return made


_set_values, _set_names, _set_extra, _set_private = (
    vars(BaseModel)[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
"""Of the slots themselves: `object.__setattr__` would look each up by its name."""


@cache
def _fields(kind: type[Words]) -> tuple[set[str], dict[str, Any]]:
    """Return the names of all fields, and what they are without a value in their order; None where there must be one."""
    fields = kind.model_fields.items()
    defaults = {name: None if field.is_required() else field.get_default() for name, field in fields}
    return set(defaults), defaults


@cache
def light(kind: type[Words]) -> Any:
    """Return a struct of a model's fields: made and written at a third of the cost, by whoever vouches for the values.

    Every field is None unless it is given, and is left out of what is written then. `weighty` makes the model of it.
    """
    fields = [(name, Any, None) for name in kind.model_fields]
    return msgspec.defstruct(kind.__name__, fields, omit_defaults=True, frozen=True, gc=False)


def weighty(kind: type[Model], values: msgspec.Struct) -> Model:
    """Make the model that a light one stands for."""
    return trusted(
        kind, {name: one for name, one in msgspec.structs.asdict(values).items() if one is not None}
    )


def written(model: Words | msgspec.Struct) -> bytes:
    """Write a model, light or not, as JSON as `model_dump_json(exclude_none=True)` does, in half the time."""
    return _write(model)


def each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what was named before."""
    return tuple(dict.fromkeys(names))


def _present(value: Any) -> Any:
    if not isinstance(value, Words):
        raise TypeError(f"a {type(value).__name__} has no place in JSON.")
    return light(value.__class__)(**value.__dict__)


_write: Final = msgspec.json.Encoder(enc_hook=_present).encode


Token = Annotated[str, StringConstraints(pattern=f"^{TOKEN_PATTERN}$", max_length=TOKEN_LENGTH_MAX)]
AnyJson = Annotated[JsonValue, _AsLongAsItsBody()]
"""As deep as the border allows."""
Json = Annotated[AnyJson, AfterValidator(_shallow)]
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
    where = visible(".".join(str(part) for part in fault["loc"] if not str(part).endswith("]")))
    value = "" if fault["type"] == "missing" else f" is {visible(repr(fault.get('input')))}"
    more = error.error_count() - 1
    rest = f" ({more} more)" if more else ""
    place = f"{where}{value}: " if where else ""
    return f"{place}{_words_of(fault)}{rest}."


def _words_of(fault: Any) -> str:
    """Say what is wrong with a field in words that know nothing of how it is read."""
    words: str = _WORDS.get(fault["type"], fault["msg"])
    for library, ours in (
        ("Input should", "it must"),
        ("String should", "it must"),
        ("Tuple should", "it must"),
    ):
        words = words.replace(library, ours, 1)
    return words.replace(" after validation", "")


_WORDS: Final = {"missing": "it is missing", "extra_forbidden": "there is no such field"}
