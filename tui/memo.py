"""Remember what was worked out from answers: the same answer, the very object, gives the same result.

Answers are never changed, only replaced, so identity is enough, and nothing has to be compared. What is
remembered keeps its answers alive, at most a few of each function.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

KEPT: Final = 16
"""Results of one function."""
F = TypeVar("F", bound=Callable[..., Any])
_PLAIN: Final = (str, int, float, bool, type(None))


def remembered(function: F) -> F:
    """Make a pure function remember its last results; its arguments are plain values, or answers."""
    return remembering(KEPT)(function)


def remembering(most: int) -> Callable[[F], F]:
    """Make a pure function remember so many of its last results."""

    def make(function: F) -> F:
        kept: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], Any]] = OrderedDict()

        def ask(*given: Any) -> Any:
            key = tuple((type(one), one) if isinstance(one, _PLAIN) else id(one) for one in given)
            found = kept.get(key)
            if found is None:
                found = kept[key] = (given, function(*given))
                if len(kept) > most:
                    kept.popitem(last=False)
            else:
                kept.move_to_end(key)
            return found[1]

        ask.__doc__, ask.__wrapped__ = function.__doc__, function  # type: ignore[attr-defined]
        return cast(F, ask)

    return make
