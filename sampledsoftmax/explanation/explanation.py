"""`Explanation`, a trace that shows itself: in a terminal, in a notebook, as a page."""

import os

from sampledsoftmax import validation
from sampledsoftmax.explanation.page import as_fragment, as_page
from sampledsoftmax.explanation.terminal import as_text
from sampledsoftmax.explanation.text import counted
from sampledsoftmax.explanation.types import Trace
from sampledsoftmax.io.atomic_write import new_file, writing


class Explanation(Trace):
    """The trace of one batch of sampled softmax, returned by `explain`.

    B is the number of examples, T the number of labels per example, S the number of candidates. The columns of a
    logits matrix are the T labels, then the S candidates. `print` and notebooks show the trace as tables; `save_html`
    writes it as a page.

    Attributes
    ----------
    settings : Settings
        The arguments of the call: num_sampled, num_classes, num_true, subtract_log_q, remove_accidental_hits,
        hit_copies, seed (which draws the same candidates again) and path.
    labels : int64 [B, T]
        Ids of the true classes.
    inputs : float [B, dim]
        Output of the encoder.
    input_ids : int64 [B] or None
        Rows of the embedding table that the inputs are.
    values : SampledValues
        Candidates [S], and the expected counts of labels [B, T] and candidates [S].
    label_rows : TableRows
        Rows read for the labels, in order of the examples: (ids [B * T], weights [B * T, dim], biases [B * T]).
    candidate_rows : TableRows
        Rows read for the candidates.
    unread_rows : TableRows
        Rows that the loss does not read, for drawing; empty unless there are few classes.
    hits : int64 [num_hits, 2]
        Accidental hits, whether removed or not: (example, position among the candidates).
    raw_logits : float [B, T + S]
        inputs . weights + biases.
    logits : float [B, T + S]
        `raw_logits` minus log(expected count) if log Q is subtracted; -inf at removed hits.
    probabilities : float64 [B, T + S]
        Softmax of each row of `logits`.
    logit_gradients : float64 [B, T + S]
        Probability minus target; the target is 1 / T at the labels, 0 at the candidates.
    loss : float [B]
        The result of `sampled_softmax_loss` with the same arguments.
    gradients : Gradients
        Gradients of the sum of the losses. Rows are not summed: those of the labels in order of the examples, then
        those of the candidates.
    summed : SummedGradients
        The same gradients with rows of equal ids summed, for weights, biases and embeddings.
    changed_rows : int64 [num_rows] or None
        Rows of the weights whose bits change in one SGD step, tried on a copy; None for tables above 1 MiB.
    cost : tuple of TableCost
        Rows and bytes touched, and the total, for each table.
    class_names : sequence of str or None
        Names of the classes.
    alternatives : tuple of Explanation
        The same batch with other settings, for the page.

    Examples
    --------
    >>> import numpy as np
    >>> from sampledsoftmax import explain
    >>> trace = explain(np.eye(6, 3), np.zeros(6), [[1], [2]], np.ones((2, 3)), 4, 6, seed=1)
    >>> trace
    <Explanation: 2 examples, 1 label each, 4 candidates of 6 classes; print() shows it, save_html(path) draws it>
    >>> trace.label_rows.ids, trace.candidate_rows.ids, trace.hits.tolist()
    (array([1, 2]), array([4, 1, 2, 0]), [[0, 1], [1, 2]])
    >>> trace.summed.weights.indices, [trace.name(i) for i in (0, 4)]
    (array([0, 1, 2, 4]), ['0', '4'])
    >>> trace.to_html()[:15]
    '<!doctype html>'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return one line; the tables are in `str`."""
        sizes = self.settings
        return (
            f"<Explanation: {counted(self.labels.shape[0], 'example')}, {counted(sizes.num_true, 'label')} each,"
            f" {counted(sizes.num_sampled, 'candidate')} of {counted(sizes.num_classes, 'class')};"
            " print() shows it, save_html(path) draws it>"
        )

    def __str__(self) -> str:
        """Return the trace as tables for a terminal of 100 columns."""
        return as_text(self)

    def _repr_html_(self) -> str:
        """Return the trace as tables for a notebook."""
        return as_fragment(self)

    def to_html(self) -> str:
        """Return a page that shows the batch step by step: one self-contained file.

        Returns
        -------
        str
            HTML with inline style, script and data.
        """
        return as_page(self)

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
        >>> from sampledsoftmax import explain
        >>> trace = explain(np.eye(6, 3), np.zeros(6), [[1], [2]], np.ones((2, 3)), 4, 6, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     trace.save_html(os.path.join(folder, "batch.html"))
        ...     os.listdir(folder)
        ['batch.html']
        """
        path, page = validation.path("path", path), self.to_html()
        with writing(path), new_file(path) as file:
            file.write(page)
