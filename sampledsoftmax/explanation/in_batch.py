"""One batch of in-batch softmax, traced: the matrix of logits, what is left out of it and why, and Q of its columns."""

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.explanation.in_batch_page import as_fragment, as_page
from sampledsoftmax.explanation.in_batch_trace import InBatchTrace
from sampledsoftmax.explanation.text import MOST_ROWS, counted, short, table
from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.losses.in_batch import in_batch_softmax_loss
from sampledsoftmax.losses.in_batch_arguments import Choices, ExtraCandidates, InBatch, checked_in_batch
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.reference import scaled
from sampledsoftmax.retrieval import reference


@not_a_number(has_arrays=True)
class InBatchExplanation(InBatchTrace):
    """What `explain_in_batch` found: `print` and notebooks show it, `save_html` writes it as a page.

    Attributes
    ----------
    logits : float [batch_size, columns]
        Corrected logits: the candidates of the batch, then extra ones. What is left out of an example has -inf.
    hits : bool [batch_size, columns]
        Whether a column has the id of the positive of an example, and is not its own; removed or not.
    merged : bool [columns]
        Whether a column is a copy of one before it, seen by no example but its own.
    expected_count : float64 [columns]
        Q of each column; ones without a correction.
    ids : int [columns] or None
        Ids of the columns; None where they are not known, -1 for extra rows without ids.
    loss : float [batch_size]
        As of `in_batch_softmax_loss`.
    choices : Choices
        The options of the call: temperature, normalize, correction, remove_hits, merge and num_hard.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> found = ss.explain_in_batch(np.eye(3), np.eye(3), [7, 8, 7], [0.5, 0.25, 0.5])
    >>> found.merged
    array([False, False,  True])
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Return the matrix and the columns as text, at most 100 characters wide."""
        size, num_columns = self.logits.shape
        names = [str(j) if self.ids is None else f"{j}: {short(str(self.ids[j]))}" for j in range(num_columns)]
        head = ["query", *names, "loss"] if num_columns <= MOST_ROWS else ["query", "loss", *names]
        rows = []
        for b in range(min(size, MOST_ROWS)):
            cells, loss = [self._cell(b, j) for j in range(num_columns)], f"{self.loss[b]:.3f}"
            rows.append([str(b), *cells, loss] if num_columns <= MOST_ROWS else [str(b), loss, *cells])
        count = [
            [name, f"{q:.4g}", self._role(j, size)]
            for j, (name, q) in enumerate(zip(names, self.expected_count, strict=True))
        ]
        return "\n".join(
            [
                "Logits; [positive], hit and merged columns are left out",
                table(head, rows, size - len(rows)),
                "",
                "Columns, and how often each is expected: log of it is subtracted",
                table(["column", "Q", "role"], count),
                "",
                f"{counted(int(self.hits.sum()), 'hit')}, {counted(int(self.merged.sum()), 'merged column')}",
            ]
        )

    def _repr_html_(self) -> str:
        """Return the matrix as a table for a notebook."""
        return as_fragment(self)

    def to_html(self) -> str:
        """Return a page that shows the matrix and the order of operations: one self-contained file without script.

        Returns
        -------
        str
            HTML with inline style. Of large batches, 32 queries and 48 columns.

        Examples
        --------
        >>> import numpy as np
        >>> page = explain_in_batch(np.eye(3), np.eye(3), [7, 8, 7], [0.5, 0.25, 0.5]).to_html()
        >>> page[:15], "2 accidental hits" in page
        ('<!doctype html>', True)
        """
        return as_page(self, str(self))

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file; an existing file is replaced atomically.

        Parameters
        ----------
        path : path
            Name of the file, usually ending in .html.

        Raises
        ------
        TypeError, ValueError
            If the path is of another type, or no file can have it.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> found = explain_in_batch(np.eye(3), np.eye(3), [7, 8, 7], [0.5, 0.25, 0.5])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found.save_html(os.path.join(folder, "batch.html"))
        ...     os.listdir(folder)
        ['batch.html']
        """
        path, page = validation.path("path", path), self.to_html()
        with writing(path), new_file(path) as file:
            file.write(page)

    def _cell(self, b: int, j: int) -> str:
        if j == b:
            return f"[{self.logits[b, j]:.2f}]"
        if self.logits[b, j] > -np.inf:
            return f"{self.logits[b, j]:.2f}"
        if self.hits[b, j]:
            return "hit"
        return "merged" if self.merged[j] else "-inf"

    def _role(self, j: int, size: int) -> str:
        if j >= size:
            return "extra"
        return f"positive of {j}, merged" if self.merged[j] else f"positive of {j}"


def explain_in_batch(
    queries: ArrayLike,
    candidates: ArrayLike,
    candidate_ids: ArrayLike | None = None,
    candidate_probability: ArrayLike | None = None,
    *,
    extra_candidates: ExtraCandidates | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
    correction: str = "log_q",
    remove_accidental_hits: bool = True,
    merge_equal_candidates: bool = True,
    num_hard_negatives: int | None = None,
) -> InBatchExplanation:
    """Return the matrix of logits of an in-batch softmax, with the reason for every entry that is left out.

    Parameters
    ----------
    queries : float [batch_size, dim]
        As for `in_batch_softmax_loss`, like all arguments. The whole matrix is made: for batches to look at.
    candidates : float [batch_size, dim]
        The positives.
    candidate_ids : int [batch_size], optional
        Their ids.
    candidate_probability : float [batch_size] or a number, optional
        Their shares in the training data.
    extra_candidates : ExtraCandidates, optional
        Negatives beside those of the batch.
    temperature : float
        Above 0.
    normalize : bool
        Whether logits are cosines.
    correction : str
        "log_q", "log_q_2025" or "none".
    remove_accidental_hits : bool
        Whether candidates with the id of the positive are left out.
    merge_equal_candidates : bool
        Whether equal ids of the batch are one column.
    num_hard_negatives : int, optional
        How many negatives stay.

    Returns
    -------
    InBatchExplanation
        `print` it for the matrix and the columns; `save_html(path)` draws them.

    Raises
    ------
    TypeError, ValueError
        As `in_batch_softmax_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> print(explain_in_batch(np.eye(3), np.eye(3), [7, 8, 7], [0.5, 0.25, 0.5]))
    Logits; [positive], hit and merged columns are left out
      query     0: 7    1: 8    2: 7   loss
      0       [1.13]    0.55     hit  0.443
      1         0.13  [1.55]  merged  0.218
      2          hit    0.55  [1.13]  0.443
    <BLANKLINE>
    Columns, and how often each is expected: log of it is subtracted
      column        Q                   role
      0: 7      0.875          positive of 0
      1: 8     0.5781          positive of 1
      2: 7      0.875  positive of 2, merged
    <BLANKLINE>
    2 hits, 1 merged column
    """
    arrays = queries, candidates, candidate_ids, candidate_probability, extra_candidates
    options = Choices(
        temperature, normalize, correction, remove_accidental_hits, merge_equal_candidates, num_hard_negatives
    )
    loss = in_batch_softmax_loss(
        queries,
        candidates,
        candidate_ids,
        candidate_probability,
        extra_candidates=extra_candidates,
        temperature=temperature,
        normalize=normalize,
        correction=correction,
        remove_accidental_hits=remove_accidental_hits,
        merge_equal_candidates=merge_equal_candidates,
        num_hard_negatives=num_hard_negatives,
    )
    return traced(arrays, options, loss)


def traced(
    arrays: tuple[Any, Any, Any, Any, Any], choices: Choices, loss: NDArray[Any] | None = None
) -> InBatchExplanation:
    """Return the trace of queries, candidates, their ids and shares, and extra candidates, without compiled code.

    Without a `loss`, it is softmax cross-entropy of the logits: not that of "log_q_2025".
    """
    batch, _ = checked_in_batch(arrays, choices, None)
    _, _, candidate_ids, _, extra = arrays
    size, num_columns = batch.queries.shape[0], batch.rows.shape[0]
    hidden = _hidden(batch)
    queries, rows = (np.asarray(part, np.float64) for part in (batch.queries, batch.rows))
    checked = batch.choices
    with np.errstate(over="ignore", invalid="ignore"):  # numbers whose squares or products are infinite
        logits = reference.in_batch_logits(
            scaled(queries, checked.normalize),
            scaled(rows, checked.normalize),
            batch.log_q,
            hidden,
            checked.temperature,
            checked.correction != "log_q_2025",
            checked.num_hard,
        )
    ids, known = _ids(size, num_columns, candidate_ids, extra)
    hits = np.zeros((size, num_columns), np.bool_)
    if ids is not None:
        hits = (ids[:size, np.newaxis] == ids) & known
        np.fill_diagonal(hits, False)
    if loss is None:
        loss = reference.softmax_loss(logits)[0]
    return InBatchExplanation(logits, hits, batch.left_out, np.exp(batch.log_q), ids, loss, checked)


def _ids(
    size: int, num_columns: int, candidate_ids: Any, extra: ExtraCandidates | None
) -> tuple[NDArray[Any] | None, NDArray[np.bool_]]:
    """Return the ids of the columns, -1 where they are not known, and whether they are known."""
    known = np.zeros(num_columns, np.bool_)
    if candidate_ids is None:
        return None, known
    ids = np.full(num_columns, -1)
    ids[:size], known[:size] = candidate_ids, True
    if extra is not None and extra.ids is not None:
        ids[size:], known[size:] = extra.ids, True
    return ids, known


def _hidden(batch: InBatch) -> NDArray[np.bool_]:
    """Return which columns each example does not see."""
    size = batch.queries.shape[0]
    hidden = np.zeros((size, batch.rows.shape[0]), np.bool_)
    for b in range(size):
        j = batch.next_equal[b]
        while j != b:  # the ring of equal columns
            hidden[b, j] = True
            j = batch.next_equal[j]
    hidden |= batch.left_out
    hidden[np.arange(size), np.arange(size)] = False
    return hidden
