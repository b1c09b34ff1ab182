"""Scheduling of a batch: the first three quarters of a thread's range are static, the rest is dynamic.

With a static range, a thread works on the same rows in every pass and finds them in the caches of its core. The chunks
of the dynamic rest go to idle threads: otherwise all threads would wait for one that was pre-empted.
"""

from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.integers import ceil_div, round_up
from sampledsoftmax.jit.simd_width import MR_TAIL
from sampledsoftmax.kernels.sync.barrier import static_range

# Examples per pass over the candidates, a multiple of _STEP. With fewer, the panels of many candidates are read from
# memory more often: for 8192 candidates with 512 columns, blocks of 48 examples took 7 % longer than blocks of 144
# (AMD Zen 3). Larger blocks were no faster, although the logits of 192 examples exceed L2.
BLOCK_ROWS = 192
CHUNKS_PER_THREAD = 4  # in the last quarter of a range
_STEP = 12  # a multiple of the rows of any micro-kernel
_MIN_CHUNK = 400_000  # multiplications of one product: a chunk takes at least about 20 microseconds


@jit
def chunk_size(num_threads, batch_size, multiplications):
    """Return the number of examples of a chunk, given the multiplications per example; 0 if all is static."""
    per_thread = batch_size // num_threads
    chunk = max(per_thread // (4 * CHUNKS_PER_THREAD), _MIN_CHUNK // max(multiplications, 1))
    chunk = min(round_up(chunk, _STEP), BLOCK_ROWS - _STEP)  # the last chunk has up to 11 more
    return chunk if num_threads > 1 and per_thread >= 2 * CHUNKS_PER_THREAD * chunk else 0


@jit
def static_examples(thread_id, num_threads, batch_size, chunk):
    """Return the half-open range of examples that are statically assigned to a thread."""
    first, end = _range_of(thread_id, num_threads, batch_size)
    return first, end if chunk == 0 else first + (end - first - CHUNKS_PER_THREAD * chunk) // _STEP * _STEP


@jit
def chunk_examples(index, num_threads, batch_size, chunk):
    """Return the half-open range of examples of a chunk, one of num_threads * CHUNKS_PER_THREAD.

    Consecutive chunks belong to the ranges of different threads.
    """
    _, end = _range_of(index % num_threads, num_threads, batch_size)
    _, first = static_examples(index % num_threads, num_threads, batch_size, chunk)
    i = index // num_threads
    return first + i * chunk, end if i == CHUNKS_PER_THREAD - 1 else first + (i + 1) * chunk


@jit
def _range_of(thread_id, num_threads, batch_size):
    first, last = static_range(thread_id, num_threads, ceil_div(batch_size, MR_TAIL))
    return first * MR_TAIL, min(last * MR_TAIL, batch_size)
