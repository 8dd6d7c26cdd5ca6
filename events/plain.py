"""Bodies of events as coord writes them, read at a fraction of the cost; all others are looked at in full.

Each model has a msgspec twin of the same fields and limits, made when it is first read. A body that its twin reads
and writes back byte for byte has no key twice, nothing that is null, and no number that a double changes; what is
left to look at stands below. So this never takes what the model would refuse, and gives the same event.
"""

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from msgspec.structs import asdict
from pydantic import AfterValidator, JsonValue, StringConstraints
from pydantic.fields import FieldInfo

from coord.events.body import is_short_and_shallow
from coord.events.model import POSITION_MAX, Event, Json, Words, maker

TEXT_LENGTH_MAX: Final = 65_536
_NUL: Final = b"\\u0000"
"""Looked for with `find`: `in` asks bytes for a number first, and pays for an error each time."""
_AGAIN: Final = msgspec.json.Encoder()
_JSON: Final = get_args(Json)

E = TypeVar("E", bound=Event)


@cache
def plain_reader(model: type[E]) -> Callable[[bytes], E | None]:
    """Return what reads a body of a model; it gives None where that is not as coord writes it, to be looked at in full."""
    form = _model(model)
    assert form.made is not None
    made, decode, encode = form.made, msgspec.json.Decoder(form.hint).decode, _AGAIN.encode
    free = tuple(name for name, field in model.model_fields.items() if _field(field).is_free)

    def read(raw: bytes) -> E | None:
        if raw.find(_NUL) >= 0 or len(raw) > TEXT_LENGTH_MAX:
            return None
        try:
            found = decode(raw)
            if encode(found) != raw:
                return None
            if free and not is_short_and_shallow(raw):
                for name in free:
                    if not _is_fine(getattr(found, name)):
                        return None
            event: E = made(found)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return event

    return read


def _is_fine(value: Any) -> bool:
    return value is None or is_short_and_shallow(_AGAIN.encode(value))


class _Form(NamedTuple):
    """A type as msgspec has it, and what makes of such a value the one that the model has."""

    hint: Any
    is_free: bool = False
    made: Callable[[Any], Any] | None = None
    """None: it is the same."""


@cache
def _model(model: type[Words]) -> _Form:
    forms = {name: _field(field) for name, field in model.model_fields.items()}
    needed = {name: field.default is not None for name, field in model.model_fields.items()}
    fields = [(name, form.hint) if needed[name] else (name, form.hint, None) for name, form in forms.items()]
    struct = msgspec.defstruct(
        model.__name__, fields, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
    )
    inner = [(name, form.made) for name, form in forms.items() if form.made is not None]
    rules = [rule.func for rule in model.__pydantic_decorators__.model_validators.values()]
    making = maker(model)

    def made(found: Any) -> Words:
        values = asdict(found)
        for name, make in inner:
            values[name] = make(values[name])
        one = making(values)
        for rule in rules:
            rule(one)
        return one

    is_flat = not inner and not rules
    plain = (lambda found: making(asdict(found))) if is_flat else made
    return _Form(struct, any(form.is_free for form in forms.values()), plain)


def _field(field: FieldInfo) -> _Form:
    return _limited(_form(field.annotation), field.metadata)


def _form(hint: Any) -> _Form:
    """Translate a type.

    Raises:
        TypeError: it is none that events have had so far: add it here.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint is JsonValue:
        return _Form(Any, is_free=True)
    if origin is Annotated:
        return _limited(_form(inner[0]), inner[1:])
    if origin in (Union, UnionType):
        return _either([_form(one) for one in inner])
    if origin is tuple and inner[1:] == (...,):
        one = _form(inner[0])
        return _Form(tuple[one.hint, ...], one.is_free, _each(one.made))  # type: ignore[name-defined]
    if origin is dict:
        key, value = map(_form, inner)
        if value.made is None:
            return _Form(dict[key.hint, value.hint], value.is_free)  # type: ignore[name-defined]
    if isinstance(hint, type) and issubclass(hint, Words):
        return _model(hint)
    if hint is int:
        return _Form(Annotated[int, msgspec.Meta(ge=-POSITION_MAX, le=POSITION_MAX)])
    if hint in (str, float, bool, NoneType) or origin is Literal:
        return _Form(hint)
    raise TypeError(f"{hint} has no place in a body of an event.")


def _either(forms: list[_Form]) -> _Form:
    made = [form.made for form in forms if form.made is not None]
    hint: Any = Union.__getitem__(tuple(form.hint for form in forms))
    return _Form(hint, any(form.is_free for form in forms), _if_there(made[0]) if made else None)


def _if_there(made: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else made(value)


def _each(made: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return None if made is None else lambda values: tuple([made(value) for value in values])


def _limited(form: _Form, metadata: Any) -> _Form:
    """Say the limits as msgspec does; a pattern ends with the text there."""
    limits: dict[str, Any] = {}
    for one in metadata:
        _take(one, limits)
    if not limits:
        return form
    if form.hint is Any or not get_args(form.hint):
        return form._replace(hint=Annotated[form.hint, msgspec.Meta(**limits)])
    return form._replace(hint=_inside(form.hint, limits))


def _inside(hint: Any, limits: dict[str, Any]) -> Any:
    """Put limits on what may also be absent where it is there."""
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        (one,) = [one for one in get_args(hint) if one is not NoneType]
        return _inside(one, limits) | None
    if get_origin(hint) is Annotated:
        known, meta = get_args(hint)
        before = {
            name: getattr(meta, name) for name in ("ge", "le", "gt", "max_length", "min_length", "pattern")
        }
        limits = {name: value for name, value in before.items() if value is not None} | limits
        return Annotated[known, msgspec.Meta(**limits)]
    return Annotated[hint, msgspec.Meta(**limits)]


def _take(one: Any, limits: dict[str, Any]) -> None:
    """Take up what one piece of pydantic's says.

    Raises:
        TypeError: it is none that events have had so far: add it here.
    """
    if isinstance(one, FieldInfo):
        for inner in one.metadata:
            _take(inner, limits)
    elif isinstance(one, AfterValidator) and one not in _JSON:
        raise TypeError(f"{one} cannot be said to msgspec.")
    elif isinstance(one, Ge | Le | Gt | MinLen | MaxLen):
        limits |= {name: getattr(one, name) for name in one.__slots__}
    elif one not in _JSON:
        _take_pattern(one, limits)


def _take_pattern(one: Any, limits: dict[str, Any]) -> None:
    is_text = isinstance(one, StringConstraints)
    said: dict[str, Any] = {"pattern": one.pattern, "max_length": one.max_length} if is_text else vars(one)
    pattern = said["pattern"]
    if not said.keys() <= {"pattern", "max_length"} or not pattern.endswith("$"):
        raise TypeError(f"{one} cannot be said to msgspec.")
    limits["pattern"] = pattern[:-1] + r"\Z"
    if said.get("max_length"):
        limits["max_length"] = said["max_length"]
