"""Which examples of a batch a thread does: most of its share without asking, and the last ones in pieces.

Without asking, a thread does the same rows in every pass, and finds them in the cache of its core. In pieces, whoever
is free does them: a thread that is held up by other work on its core would be waited for by all.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.sync.barrier import static_range

# Examples whose logits are made in one pass over the candidates, a multiple of _STEP. With fewer, the panels of many
# candidates come from memory more often: of 8192 with 512 columns, 48 examples took 7 % longer than 144 (AMD
# Zen 3). More were no faster, though the logits of 192 are more than the second cache holds.
BLOCK_ROWS = 192
CHUNKS_PER_THREAD = 4  # of the last quarter of a share
_STEP = 12  # a multiple of what any tile takes
_MIN_CHUNK = 400_000  # multiplications of one product: about 20 microseconds for all that is done with a piece


@jit
def chunk_size(num_threads, batch_size, multiplications):
    """Return how many examples a piece has, of so many multiplications each; 0 where there are no pieces."""
    share = batch_size // num_threads
    piece = max(share // (4 * CHUNKS_PER_THREAD), _MIN_CHUNK // max(multiplications, 1))
    piece = min(round_up(piece, _STEP), BLOCK_ROWS - _STEP)  # the last piece has up to 11 more
    return piece if num_threads > 1 and share >= 2 * CHUNKS_PER_THREAD * piece else 0


@jit
def static_examples(thread_id, num_threads, batch_size, piece):
    """Return the first and the one behind the last of the examples that a thread does without asking."""
    first, end = _share(thread_id, num_threads, batch_size)
    return first, end if piece == 0 else first + (end - first - CHUNKS_PER_THREAD * piece) // _STEP * _STEP


@jit
def chunk_examples(task, num_threads, batch_size, piece):
    """Return the half-open range of examples of a chunk, 0 to num_threads * CHUNKS_PER_THREAD - 1, threads in turn."""
    _, end = _share(task % num_threads, num_threads, batch_size)
    _, first = static_examples(task % num_threads, num_threads, batch_size, piece)
    i = task // num_threads
    return first + i * piece, end if i == CHUNKS_PER_THREAD - 1 else first + (i + 1) * piece


@jit
def _share(thread_id, num_threads, batch_size):
    first, last = static_range(thread_id, num_threads, ceil_div(batch_size, MR_TAIL))
    return first * MR_TAIL, min(last * MR_TAIL, batch_size)
