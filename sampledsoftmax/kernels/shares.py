"""Which examples of a batch a thread does: most of its share without asking, and the last ones in pieces.

Without asking, a thread does the same rows in every pass, and finds them in the cache of its core. In pieces, whoever
is free does them: a thread that is held up by other work on its core would be waited for by all.
"""

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.team import share_of
from sampledsoftmax.machine.vectors import SHORT

# Examples whose logits are made in one pass over the candidates, a multiple of _STEP. With fewer, the panels of many
# candidates come from memory more often: of 8192 with 512 columns, 48 examples took 7 % longer than 144 (AMD
# Zen 3). More were no faster, though the logits of 192 are more than the second cache holds.
BLOCK_ROWS = 192
PIECES = 4  # of the last quarter of a share
_STEP = 12  # a multiple of what any tile takes
_LEAST_PIECE = 400_000  # multiplications of one product: about 20 microseconds for all that is done with a piece


@jit
def piece_size(parts, batch_size, multiplications):
    """Return how many examples a piece has, of so many multiplications each; 0 where there are no pieces."""
    share = batch_size // parts
    piece = max(share // (4 * PIECES), _LEAST_PIECE // max(multiplications, 1))
    piece = min((piece + _STEP - 1) // _STEP * _STEP, BLOCK_ROWS - _STEP)  # the last piece has up to 11 more
    return piece if parts > 1 and share >= 2 * PIECES * piece else 0


@jit
def own_examples(part, parts, batch_size, piece):
    """Return the first and the one behind the last of the examples that a thread does without asking."""
    first, end = _share(part, parts, batch_size)
    return first, end if piece == 0 else first + (end - first - PIECES * piece) // _STEP * _STEP


@jit
def examples_of_piece(task, parts, batch_size, piece):
    """Return the first and the one behind the last example of a piece: 0 .. parts * PIECES, of each share in turn."""
    _, end = _share(task % parts, parts, batch_size)
    _, first = own_examples(task % parts, parts, batch_size, piece)
    i = task // parts
    return first + i * piece, end if i == PIECES - 1 else first + (i + 1) * piece


@jit
def _share(part, parts, batch_size):
    first, last = share_of(part, parts, (batch_size + SHORT - 1) // SHORT)
    return first * SHORT, min(last * SHORT, batch_size)
