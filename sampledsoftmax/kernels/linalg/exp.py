"""exp of float32 as a polynomial, so that loops of it vectorize; float64 uses the exp of the C library.

exp(x) = 2**n * exp(r), where n = round(x / log 2) and |r| <= log(2) / 2. The polynomial and the two parts of log 2
are those of Cephes (S. Moshier, expf.c, 1984-1992). Error: at most 1.01 units in the last place
(tests/test_exponential.py).
"""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from sampledsoftmax.jit.decorators import jit_fused

_LOG2_E = np.float32(1.44269504088896341)
_LOG_2_HIGH = np.float32(0.693359375)  # 10 bits, so that n * _LOG_2_HIGH is exact
_LOG_2_LOW = np.float32(-2.12194440e-4)
# Adding 1.5 * 2**23 to a float32 leaves its nearest whole number in the low bits.
_TO_WHOLE = np.float32(12582912.0)
_LOWEST = np.float32(-87.8)  # where n = -127, and the exponent bits of 2**n are 0
_ONE_BITS = np.int32(127 << 23)
_EXPONENT = np.int32(23)
_C0, _C1, _C2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_C3, _C4, _C5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)


@jit_fused
def exp_single(x):
    """Return exp(x) of a float32 x <= 0; 0 for x < -87.34, where the result would be subnormal."""
    x = _LOWEST if x < _LOWEST else x
    shifted = np.float32(x * _LOG2_E + _TO_WHOLE)
    n = shifted - _TO_WHOLE
    r = x - n * _LOG_2_HIGH
    r = r - n * _LOG_2_LOW
    # Estrin's scheme (1960), terms in pairs: Horner's dependency chain would fill the out-of-order window of a core.
    square = r * r
    p = (_C0 * r + _C1) * square + (_C2 * r + _C3)
    p = p * square + (_C4 * r + _C5)
    above_1 = p * square + r
    power = np.int32((shifted.view(np.int32) << _EXPONENT) + _ONE_BITS).view(np.float32)
    return above_1 * power + power


def exp_not_above_0(x: Any) -> Any:
    """Return exp(x), x <= 0, in the precision of x."""
    return exp_single(x) if isinstance(x, np.float32) else math.exp(x)


def _in_single(x):  # pragma: no cover - compiled only
    return exp_single(x)


def _in_double(x):  # pragma: no cover - compiled only
    return math.exp(x)


@overload(exp_not_above_0)
def _exp_of_type(x):  # pragma: no cover - called by the compiler
    return _in_single if x == types.float32 else _in_double
