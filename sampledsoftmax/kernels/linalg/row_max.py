"""The largest logit of each lane of a block of rows."""

import math

from sampledsoftmax.jit.decorators import jit


@jit
def lane_max(panels, first, size, num_panels, maxima):
    """Write the largest entry over panels [num_panels, rows * width] of each of the lanes first .. first + size.

    Where an entry is NaN, it is any number. Panels are taken by two: of one, the loop would not become vector code.
    """
    for i in range(size):
        maxima[i] = -math.inf
    for p in range(0, num_panels, 2):
        entries = panels[p, first : first + size]
        others = panels[min(p + 1, num_panels - 1), first : first + size]
        for i in range(size):
            largest = maxima[i]
            largest = largest if largest > entries[i] else entries[i]
            largest = largest if largest > others[i] else others[i]
            maxima[i] = largest
