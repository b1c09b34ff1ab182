"""Integer arithmetic for Python code and kernels."""

from numba.extending import register_jitable


@register_jitable
def ceil_div(a: int, b: int) -> int:
    """Return a / b, rounded up, for ints with b > 0."""
    return (a + b - 1) // b


@register_jitable
def round_up(a: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is at least a."""
    return (a + multiple - 1) // multiple * multiple
