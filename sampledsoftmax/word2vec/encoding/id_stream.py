"""A corpus as word ids, in memory or mapped from files."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class IdStream(NamedTuple):
    """A corpus as ids: sentence `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    ids : int32 or int64 [num_words]
        Word ids; words that are not in the vocabulary are left out.
    offsets : int64 [num_sentences + 1]
        Where each sentence starts, and at the end the number of words.

    Both arrays may be files that are mapped into memory, read only.
    """

    ids: NDArray[Any]
    offsets: NDArray[np.int64]

    @property
    def num_bytes(self) -> int:
        """The size of both arrays."""
        return int(self.ids.nbytes + self.offsets.nbytes)
