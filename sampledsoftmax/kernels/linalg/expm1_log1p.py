"""exp(x) - 1 and log(1 + x) of float64 as polynomials, so that loops of them vectorize.

Their relative error is at most 4 * 2**-52 (the exact error depends on the processor); that of a C library is about
2**-52. A caller that needs the C library's result, rounded to an integer or to float32, rounds both ends of
y * (1 +- RELATIVE_ERROR). The C library's value lies between them: if both round to the same number, that is the
result. Otherwise, for about one value in a million, the caller evaluates the C library's function. Ziv, "Fast
evaluation of elementary mathematical functions with correctly rounded last bit", ACM TOMS 17, 1991.
"""

import math

import numpy as np

from sampledsoftmax.jit.decorators import jit_fused

# 64 * 2**-52: a composition of the two, here and in the C library, has an error of 10 * 2**-52 in all.
# tests/test_elementary.py checks these bounds.
RELATIVE_ERROR = 2.0**-46

_LOG2_E = 1 / math.log(2)
_LOG_2 = math.log(2)
# log 2 in two parts, the first of 32 bits, so that its products with integers below 2**20 are exact: the constants
# of fdlibm (Sun Microsystems, e_exp.c, 1993).
_LOG_2_HIGH, _LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Adding it leaves n + 1023, n the nearest integer, in the low bits: the biased form of the exponent n.
_TO_WHOLE = 1.5 * 2.0**52 + 1023
_EXPONENT = np.uint64(52)
_MANTISSA = np.uint64((1 << 52) - 1)
_2_TO_52_BITS = np.uint64((1023 + 52) << 52)  # with an integer in its low bits: 2**52 plus that integer
_SQRT_HALF_BITS = np.float64(math.sqrt(0.5)).view(np.uint64)
_ONE_ABOVE_SQRT_HALF = np.uint64(1023 << 52) - _SQRT_HALF_BITS
_2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12 = (1 / math.factorial(k) for k in range(2, 13))


@jit_fused
def expm1(x):
    """Return exp(x) - 1, x <= 700.

    x = n log(2) + r, |r| <= log(2) / 2; the Taylor series of exp(r) - 1 is truncated before a term of 5e-16 r.
    """
    x = x if x > -50.0 else -50.0  # exp(-50) = 2e-22
    shifted = x * _LOG2_E + _TO_WHOLE
    n = shifted - _TO_WHOLE
    r = (x - n * _LOG_2_HIGH) - n * _LOG_2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (_2 + r * _3) + r2 * (_4 + r * _5)
    high = (_6 + r * _7) + r2 * (_8 + r * _9) + r4 * ((_10 + r * _11) + r2 * _12)
    power = np.uint64(np.float64(shifted).view(np.uint64) << _EXPONENT).view(np.float64)
    return (power - 1.0) + power * (r + r2 * (low + r4 * high))


@jit_fused
def log1p(x):
    """Return log(1 + x), -1 < x <= 1.

    1 + x = 2**k * (1 + f), f from sqrt(1/2) - 1 to sqrt(2) - 1; log(1 + f) = 2 artanh(f / (2 + f)), whose series
    is truncated before a term of 6e-18.
    """
    bits = np.float64(1.0 + x).view(np.uint64) + _ONE_ABOVE_SQRT_HALF
    k = np.uint64((bits >> _EXPONENT) | _2_TO_52_BITS).view(np.float64) - (2.0**52 + 1023)
    reduced = np.uint64((bits & _MANTISSA) + _SQRT_HALF_BITS).view(np.float64) - 1.0
    f = x if k == 0.0 else reduced  # for a small x, 1 + x has lost bits
    s = f / (2.0 + f)
    q = s * s
    q2 = q * q
    q4 = q2 * q2
    series = (1 / 3 + q * (1 / 5)) + q2 * (1 / 7 + q * (1 / 9))
    series += q4 * ((1 / 11 + q * (1 / 13)) + q2 * (1 / 15 + q * (1 / 17)) + q4 * (1 / 19))
    return k * _LOG_2 + 2.0 * (s + s * q * series)
