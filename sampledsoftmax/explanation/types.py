"""What a trace of one batch holds: plain arrays, in the order in which they come about."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from sampledsoftmax.explanation.parts import Floats, Ids, Settings, Summed, TableCost, TableRows
from sampledsoftmax.explanation.wording import counted
from sampledsoftmax.types import Gradients, SampledValues


class Explanation(NamedTuple):
    """One batch of sampled softmax, traced: what `explain` returns.

    B examples with T labels each, S candidates, columns of a logits matrix: the T labels, then the S
    candidates. `print` shows readable tables, a notebook shows them too, `save_html` writes the page.

    Attributes
    ----------
    settings : Settings
        Sizes and switches: num_sampled, num_classes, num_true, subtract_log_q, remove_accidental_hits,
        hit_copies, seed (pass it to get the same candidates) and path.
    labels : int64 [B, T]
        Ids of the true classes.
    inputs : float [B, dim]
        Output of the encoder.
    input_ids : int64 [B] or None
        Rows of an embedding table that the inputs were looked up from.
    values : SampledValues
        Candidates [S], and the expected counts of labels [B, T] and candidates [S].
    label_rows : TableRows
        Rows read for the labels, example by example: (ids [B * T], weights [B * T, dim], biases [B * T]).
    candidate_rows : TableRows
        Rows read for the candidates.
    unread_rows : TableRows
        Rows that the loss does not read; only where there are few classes, to be drawn beside the others.
    hits : int64 [num_hits, 2]
        Accidental hits, removed or not: (example, position among the candidates).
    raw_logits : float [B, T + S]
        inputs . weights + biases.
    logits : float [B, T + S]
        Less log(expected count) where that is asked for, -inf at hits that are removed.
    probabilities : float64 [B, T + S]
        Softmax of each row of `logits`.
    logit_gradients : float64 [B, T + S]
        Probability less target; the target is 1 / T at the labels, 0 at the candidates.
    loss : float [B]
        `sampled_softmax_loss` of the same arguments.
    gradients : Gradients
        Of the sum of the losses: rows not summed, labels example by example, then candidates; and inputs.
    summed : Summed
        The same with the rows of equal ids summed, for weights, biases and embeddings.
    changed_rows : int64 [num_rows] or None
        Rows of a copy of the weights whose bits one step of SGD changed; None for tables above 1 MiB.
    cost : tuple of TableCost
        Rows and bytes touched, of how many, table by table.
    class_names : sequence of str or None
        A name for each class.
    alternatives : tuple of Explanation
        The same batch with other switches, for the page.

    Examples
    --------
    >>> import numpy as np
    >>> from sampledsoftmax import explain
    >>> seen = explain(np.eye(6, 3), np.zeros(6), [[1], [2]], np.ones((2, 3)), 4, 6, seed=1)
    >>> seen
    <Explanation: 2 examples, 1 label each, 4 candidates of 6 classes; print() shows it, save_html(path) draws it>
    >>> seen.label_rows.ids, seen.candidate_rows.ids, seen.hits.tolist()
    (array([1, 2]), array([4, 1, 2, 0]), [[0, 1], [1, 2]])
    >>> seen.summed.weights.indices, [seen.name(i) for i in (0, 4)]
    (array([0, 1, 2, 4]), ['0', '4'])
    >>> seen.to_html()[:15]
    '<!doctype html>'
    """

    settings: Settings
    labels: Ids
    inputs: Floats
    input_ids: Ids | None
    values: SampledValues
    label_rows: TableRows
    candidate_rows: TableRows
    unread_rows: TableRows
    hits: Ids
    raw_logits: Floats
    logits: Floats
    probabilities: Floats
    logit_gradients: Floats
    loss: Floats
    gradients: Gradients
    summed: Summed
    changed_rows: Ids | None
    cost: tuple[TableCost, ...]
    class_names: Sequence[str] | None
    alternatives: "tuple[Explanation, ...]" = ()

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
        from sampledsoftmax.explanation.terminal import as_text  # noqa: PLC0415 - views know the data, not the reverse

        return as_text(self)

    def _repr_html_(self) -> str:
        """Return the trace as tables for a notebook."""
        from sampledsoftmax.explanation.notebook import as_fragment  # noqa: PLC0415

        return as_fragment(self)

    def to_html(self) -> str:
        """Return a page that shows the batch step by step: one file, which loads nothing.

        Returns
        -------
        str
            HTML, with its style, its script and its numbers inside.
        """
        from sampledsoftmax.explanation.page import as_page  # noqa: PLC0415

        return as_page(self)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file; a file that is there is replaced once the new one is complete.

        Parameters
        ----------
        path : path
            The file, commonly named .html.

        Raises
        ------
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> from sampledsoftmax import explain
        >>> seen = explain(np.eye(6, 3), np.zeros(6), [[1], [2]], np.ones((2, 3)), 4, 6, seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     seen.save_html(os.path.join(folder, "batch.html"))
        ...     os.listdir(folder)
        ['batch.html']
        """
        from sampledsoftmax.io.atomic_write import new_file  # noqa: PLC0415

        page = self.to_html()
        with new_file(path) as file:
            file.write(page)

    def name(self, class_id: int) -> str:
        """Return a class's id, and its name where it has one: "3 cat".

        Parameters
        ----------
        class_id : int
            In [0, num_classes).

        Returns
        -------
        str
            The id alone where no names were given.
        """
        return str(class_id) if self.class_names is None else f"{class_id} {self.class_names[class_id]}"
