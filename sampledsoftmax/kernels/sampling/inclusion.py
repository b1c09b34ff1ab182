"""Distribution function of a Poisson-binomial variable with one event left out."""

import math

from sampledsoftmax.jit.decorators import jit

_NEGLIGIBLE = 40.0  # exp(-40) = 4e-18


@jit
def fewer_than(num_events, chance, multiplicity, half, out):
    """Set out[g] to the probability that fewer than `num_events` events occur, with one of group g left out.

    Group g has multiplicity[g] independent events of probability chance[g], so their number is
    Poisson-binomial. Its distribution function is the sum of `half` terms of the inverse discrete
    Fourier transform of its characteristic function, over frequencies that avoid pi, where a
    factor may be 0: Fernandez and Williams, "Closed-form expression for the Poisson-binomial
    probability density function", 2010; Hong, "On computing the distribution function for the
    Poisson binomial distribution", 2013. Chances beyond `half` of `num_events` must be negligible;
    frequencies at which the characteristic function is below 4e-18 are left out.
    """
    variance = 0.0
    for g in range(chance.size):
        variance += multiplicity[g] * chance[g] * (1.0 - chance[g])
    out[:] = 0.0
    for j in range(half):
        angle = math.pi * (j + 0.5) / half
        if 2.0 * variance * math.sin(angle / 2) ** 2 > _NEGLIGIBLE:
            break
        _add_frequency(angle, num_events, chance, multiplicity, half, out)


@jit
def _add_frequency(angle, num_events, chance, multiplicity, half, out):
    """Add the term of one frequency; an event's own factor is 1 + chance * (exp(i angle) - 1)."""
    real_step, imaginary_step = -2.0 * math.sin(angle / 2) ** 2, math.sin(angle)
    log_size, turn = 0.0, 0.0
    for g in range(chance.size):
        # log1p, since each factor of 2**40 events is close to 1
        log_size += multiplicity[g] * 0.5 * math.log1p(2.0 * chance[g] * (1.0 - chance[g]) * real_step)
        turn += multiplicity[g] * math.atan2(chance[g] * imaginary_step, 1.0 + chance[g] * real_step)
    window = _turned(angle * (half - num_events)) * (1.0 - _turned(-angle * half)) / (1.0 - _turned(-angle))
    term = math.exp(log_size) * _turned(turn) * window / half
    for g in range(chance.size):
        real, imaginary = 1.0 + chance[g] * real_step, chance[g] * imaginary_step
        out[g] += (term.real * real + term.imag * imaginary) / (real * real + imaginary * imaginary)


@jit
def _turned(angle):
    return complex(math.cos(angle), math.sin(angle))
