"""The white space that separates tokens: that of `str.split`, as characters and as a table for kernels."""

import numpy as np

# No later character is white space. A test goes through all of Unicode.
_END = 0x3001

# All of them, in the order of their code points.
WHITE_SPACE = tuple(character for character in map(chr, range(_END)) if character.isspace())

# By code point: 1 for white space, 0 for any other character; code points beyond its end are no white space.
IS_WHITE_SPACE = np.array([character in WHITE_SPACE for character in map(chr, range(_END))], np.uint8)
