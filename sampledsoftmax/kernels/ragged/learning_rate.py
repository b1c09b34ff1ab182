"""An update rule with another learning rate, which a schedule changes from one step to the next."""

from typing import Any

from numba import config, types
from numba.extending import intrinsic


def _typed(context, rule, rate):  # pragma: no cover - called by the compiler
    del context, rate
    has_rate = "learning_rate" in rule.fields

    def emit(context, builder, signature, arguments):
        values, number = arguments
        if not has_rate:
            return values
        index = rule.fields.index("learning_rate")
        return builder.insert_value(values, context.cast(builder, number, types.float64, rule[index]), index)

    return rule(rule, types.float64), emit


def _plain(rule: Any, rate: float) -> Any:
    """Return the rule with the learning rate `rate`, a float64; a rule without one as it is."""
    if "learning_rate" not in rule._fields:
        return rule
    return rule._replace(learning_rate=type(rule.learning_rate)(rate))


with_learning_rate: Any = _plain if config.DISABLE_JIT else intrinsic(_typed)  # type: ignore[attr-defined]
