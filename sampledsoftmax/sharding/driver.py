"""The driver of a sharded layer: draws, steps, checkpoints, and what happens when a process is lost.

Its state is small: how many steps were taken, the sampler, and the batches since the last checkpoint. When a shard is
lost, all shards go back to the last checkpoint and the batches are taken again. Candidates are a function of the
position in the stream, so that the second time gives the same bits.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.folder_lock import FolderLock
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.layers.fused_step import not_finite, refuse_labels
from sampledsoftmax.layers.layer_settings import LayerSettings, differences
from sampledsoftmax.layers.saved_objects import set_state, state_of_sampler
from sampledsoftmax.layers.table import leaves_rows_behind
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.sharding.checkpoint import (
    Checkpoint,
    ShardFile,
    read_checkpoint,
    shard_path,
    steps_of,
    write_list,
)
from sampledsoftmax.sharding.compact_step import Examples
from sampledsoftmax.sharding.parts import (
    Part,
    PartWorker,
    Traffic,
    deliveries,
    divided,
    pull,
)
from sampledsoftmax.sharding.pushed import Partial, combined, question_for
from sampledsoftmax.sharding.rows import RowIds, RowValues
from sampledsoftmax.sharding.sampling import (
    Place,
    can_draw_anywhere,
    drawn_at,
    move_on,
    place_after,
    place_of,
    sample_for,
)
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.sharding.shard import OutOfStep, Stamp
from sampledsoftmax.sharding.transport import LostError, Transport

Floats = NDArray[Any]
Found = TypeVar("Found")

_MOST_ATTEMPTS = 50  # of one call: each follows the loss of a process


class Work(NamedTuple):
    """A batch with all that its step depends on.

    Attributes
    ----------
    examples : Examples
    optimizer : Optimizer
        As it was.
    num_sampled : int
    """

    examples: Examples
    optimizer: Optimizer
    num_sampled: int


class _Prefetched(NamedTuple):
    """Rows of the next batch: those that the running step does not change were asked for, the others follow."""

    place: Place
    ids: RowIds
    rows: RowValues


class Driver:
    """Takes the steps of a sharded layer.

    Parameters
    ----------
    settings : ShardSettings
    layer : LayerSettings
        Of the layer on a single machine; its sampler is used.
    transport : Transport
    parts : int
        How many parts a batch is divided into.
    folder : Path or None
        Where checkpoints are; None for none.
    checkpoint_steps : int
        Steps from one checkpoint to the next.
    lock : FolderLock or None
        Of the folder, which `close` releases.
    move : str
        "rows", "inputs", or "auto" for what has fewer bytes.

    Attributes
    ----------
    step : int
        Batches so far.
    traffic : Traffic
        Bytes between this process and the shards.
    losses_of_processes : int
        How often all shards went back to a checkpoint.
    """

    def __init__(
        self,
        settings: ShardSettings,
        layer: LayerSettings,
        transport: Transport,
        parts: int,
        folder: Path | None,
        checkpoint_steps: int,
        lock: FolderLock | None = None,
        move: str = "rows",
    ) -> None:
        self._settings, self.layer, self.transport = settings, layer, transport
        self._parts, self._folder, self._checkpoint_steps = parts, folder, checkpoint_steps
        self._lock, self._move = lock, move
        self._worker = PartWorker(settings, layer.sampler, transport)
        self.traffic, self.step, self.losses_of_processes = Traffic(), 0, 0
        self._rewind, self._log = 0, list[Work]()
        self._pending = list[Any]()  # replies of the last step, which nothing waits for yet
        self._ahead: _Prefetched | None = None
        self._first = Checkpoint(0, [], {}, {})
        self._is_behind = True
        self._load()
        self.run(lambda: None)

    def _load(self) -> None:
        """Begin at the newest checkpoint, or at the seed."""
        steps = [] if self._folder is None else steps_of(self._folder)
        if self._folder is not None and steps:
            self._first = read_checkpoint(self._folder, steps[-1])
            found = differences(self._first.state, self.layer.described())
            if found:
                raise ValueError(f"folder {shown_path(self._folder)} has a layer with {'; '.join(found)}")
        elif self._folder is not None:
            state, arrays = state_of_sampler(self.layer.sampler)
            self._first = Checkpoint(0, [], {"sampler_state": state}, copy.deepcopy(arrays))

    # --- Steps ----------------------------------------------------------------------------------------------

    def take(self, work: Work, following: Work | None = None) -> tuple[float, Floats | None]:
        """Take a step; with the batch that follows, some of its rows are asked for meanwhile.

        Returns the mean loss and the gradient of the inputs, if these are no ids.

        Raises
        ------
        FloatingPointError
            If the loss is NaN or infinite; no table was changed, and the batch has its place in the random stream.
        OSError
            If a checkpoint was due and cannot be written; the batch was not taken.
        """
        if self._folder is not None and len(self._log) >= self._checkpoint_steps:
            self.checkpoint()
        before = self.step
        try:
            return self.run(lambda: self._take(work, following))
        except KeyboardInterrupt:  # some shards may have taken the step
            self._is_behind = self._folder is not None
            raise
        finally:
            if self._folder is not None and not self._is_behind and self.step == before + 1:
                self._log.append(work)

    def run(self, action: Callable[[], Found]) -> Found:
        """Do something with the shards, again after each loss of a process."""
        attempts = 0
        while True:
            try:
                if self._is_behind:
                    self._go_back()
                return action()
            except (LostError, OutOfStep) as error:
                attempts += 1
                self._is_behind, self._pending, self._ahead = True, [], None
                if self._folder is None and self._rewind > 0:
                    raise LostError(
                        f"{error}: its rows are lost, since there are no checkpoints; write folder= to keep some"
                    ) from None
                if attempts >= _MOST_ATTEMPTS:
                    raise
                self.transport.recover()

    def _go_back(self) -> None:
        """Let all shards begin at the last checkpoint, and take the steps since again."""
        self._rewind += 1
        self.losses_of_processes += self._rewind > 1
        self.step = self._first.step
        files = self._first.files or None
        self._all("start", self._stamp, files)
        if self._folder is not None:
            set_state(self.layer.sampler, self._first.state["sampler_state"], self._first.arrays)
        self._is_behind = False
        try:
            for work in self._log:
                try:
                    self._take(work, None)
                except FloatingPointError:  # as it was the first time
                    continue
        except BaseException:
            self._is_behind = True
            raise

    @property
    def _stamp(self) -> Stamp:
        return Stamp(self._rewind, self.step)

    def _take(self, work: Work, following: Work | None) -> tuple[float, Floats | None]:
        examples = work.examples
        if examples.rows.size == 0:
            self._skip(work)
            return 0.0, None if examples.has_ids else np.zeros_like(examples.inputs)
        if self._parts > 1:
            return self._take_parts(work)
        if self._moves_inputs(work):
            return self._take_by_inputs(work)
        sampler, place = self.layer.sampler, place_of(self.layer.sampler, work.num_sampled)
        drawn = drawn_at(sampler, place, examples)
        ids = examples.row_ids(drawn.ids)
        sample = sample_for(drawn, ids)
        rows = self._rows(work, place, ids)
        next_place, next_ids = self._next(work, following)
        early = None if next_ids is None else next_ids.minus(ids)
        asked = None if early is None else pull(self.transport, self._stamp, work.optimizer, early, self.traffic)
        try:
            found = self._worker.step.compute(examples, ids, rows, sample, work.optimizer.learning_rate)
        except FloatingPointError as error:
            self._skip(work)
            self._refuse_labels_never_drawn(work)
            raise error from None
        move_on(sampler, work.num_sampled, _labels_to_learn(examples))
        late = None if next_ids is None else next_ids.common(ids)
        replies = self._apply(work, ids, found.gradients, late)
        if asked is not None and next_ids is not None and next_place is not None and late is not None:
            memory = RowValues.empty(next_ids, self._settings.dim, self._settings.dtype)
            asked.into(self.transport, next_ids, memory, self.traffic)
            self._write_late(next_ids, late, memory, replies)
            self._ahead = _Prefetched(next_place, next_ids, memory)
        else:
            self._pending = replies
        self.step += 1
        return found.loss, found.inputs_gradient

    def _rows(self, work: Work, place: Place, ids: RowIds) -> RowValues:
        """Return the rows of a batch: those that were prefetched for it, or pulled now."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.place == place and all(map(np.array_equal, ahead.ids, ids)):
            return ahead.rows
        rows = RowValues.empty(ids, self._settings.dim, self._settings.dtype)
        asked = pull(self.transport, self._stamp, work.optimizer, ids, self.traffic)
        self._settle()
        asked.into(self.transport, ids, rows, self.traffic)
        return rows

    def _next(self, work: Work, following: Work | None) -> tuple[Place | None, RowIds | None]:
        """Return where the next candidates are drawn and the rows of the next batch, if they are known now.

        They are not where the sampler learns, and a row that catches up with missed steps cannot be read early.
        """
        if following is None or following.examples.rows.size == 0 or not can_draw_anywhere(self.layer.sampler):
            return None, None
        if leaves_rows_behind(work.optimizer) or not self._settings.is_fused:
            return None, None
        after = place_after(place_of(self.layer.sampler, work.num_sampled))
        place = after._replace(num_sampled=following.num_sampled)
        return place, following.examples.row_ids(drawn_at(self.layer.sampler, place, following.examples).ids)

    def _apply(self, work: Work, ids: RowIds, gradients: RowValues, wanted: RowIds | None) -> list[Any]:
        """Send the gradients to the shards, which return the rows `wanted` after the step."""
        self.traffic.add("ids", ids.nbytes)
        self.traffic.add("pushed", gradients.nbytes)
        wanted_of = [None] * self.transport.ranges.num_shards if wanted is None else self._by_shard(wanted)
        parts = zip(deliveries(self.transport, ids, gradients), wanted_of, strict=True)
        return [
            self.transport.send(shard, "apply", self._stamp, work.optimizer, delivery, own)
            for shard, (delivery, own) in enumerate(parts)
        ]

    def _by_shard(self, ids: RowIds) -> list[RowIds]:
        places = self.transport.ranges.split(ids)
        return [RowIds(ids.classes[classes], ids.inputs[inputs]) for classes, inputs in places]

    def _write_late(self, ids: RowIds, late: RowIds, rows: RowValues, replies: list[Any]) -> None:
        """Write the rows that the step has changed to those of the next batch."""
        self.traffic.add("ids", late.nbytes)
        for own, values in zip(self._by_shard(late), self.transport.receive(replies), strict=True):
            rows.write(ids, own, values)
            self.traffic.add("pulled", values.nbytes)

    def _take_parts(self, work: Work) -> tuple[float, Floats | None]:
        """Take a step whose parts are computed by workers, or one after the other by this process."""
        self._settle()
        sampler, place = self.layer.sampler, place_of(self.layer.sampler, work.num_sampled)
        drawn = None if can_draw_anywhere(sampler) else drawn_at(sampler, place, work.examples)
        parts = []
        for number, (examples, share) in enumerate(divided(work.examples, self._parts)):
            sample = place if drawn is None else sample_for(drawn, examples.row_ids(drawn.ids))
            parts.append(Part(number, examples, share, sample))
        arguments = [(self._stamp, work.optimizer, part) for part in parts]
        workers = self.transport.num_workers
        if workers:
            results = self.transport.receive(
                [self.transport.work(k % workers, *given) for k, given in enumerate(arguments)]
            )
        else:
            results = [self._worker.compute(*given) for given in arguments]
        loss = sum(loss for loss, _ in results)
        if not np.isfinite(loss):
            self._skip(work)
            self._refuse_labels_never_drawn(work)
            inputs = np.zeros(0) if work.examples.has_ids else work.examples.inputs[work.examples.rows]
            raise FloatingPointError(not_finite(loss, work.optimizer.learning_rate, inputs))
        move_on(sampler, work.num_sampled, _labels_to_learn(work.examples))
        self._all("finish", self._stamp, work.optimizer, self._parts, None)
        self.step += 1
        gradients = [gradient for _, gradient in results]
        return loss, None if work.examples.has_ids else np.concatenate(gradients)

    def _moves_inputs(self, work: Work) -> bool:
        """Return whether inputs go to the shards, and rows stay there: a function of the sizes."""
        if self._move != "auto":
            return self._move == "inputs"
        shards, examples = self.transport.ranges.num_shards, work.examples
        return bool(work.num_sampled + examples.labels.size > shards * examples.labels.shape[0])

    def _take_by_inputs(self, work: Work) -> tuple[float, Floats]:
        """Take a step for which the inputs are sent to the shards; see `pushed`."""
        self._settle()
        examples, sampler = work.examples, self.layer.sampler
        drawn = drawn_at(sampler, place_of(sampler, work.num_sampled), examples)
        ids = examples.row_ids(drawn.ids)
        counts, replies = drawn.expected_count(ids.classes), []
        for shard, (classes, _) in enumerate(self.transport.ranges.split(ids)):
            first, end = self.transport.ranges.of(shard)
            candidates = drawn.ids[(drawn.ids >= first) & (drawn.ids < end)]
            question = question_for(examples, ids.classes[classes], counts[classes], candidates)
            replies.append(self.transport.send(shard, "logits", self._stamp, work.optimizer, question))
        partials: list[Partial] = self.transport.receive(replies)
        loss, normalizers = combined(partials, examples)
        if not np.isfinite(loss):
            self._skip(work)
            self._refuse_labels_never_drawn(work)
            raise FloatingPointError(not_finite(loss, work.optimizer.learning_rate, examples.inputs[examples.rows]))
        move_on(sampler, work.num_sampled, _labels_to_learn(examples))
        gradients = self._all("gradients", self._stamp, normalizers)
        shards = self.transport.ranges.num_shards
        self.traffic.add("ids", ids.nbytes + counts.nbytes + drawn.ids.nbytes + shards * examples.labels.nbytes)
        self.traffic.add("pushed", shards * (examples.inputs.nbytes + sum(array.nbytes for array in normalizers)))
        self.traffic.add("pulled", sum(array.nbytes for found in (*partials, gradients) for array in found))
        self._pending = [
            self.transport.send(shard, "finish", self._stamp, work.optimizer, 1, None) for shard in range(shards)
        ]
        self.step += 1
        total = np.zeros_like(examples.inputs)
        for gradient in gradients:  # in the order of the shards
            total += gradient
        return loss, total

    def _skip(self, work: Work) -> None:
        """End a step that changes no table: the batch has its place in the random stream."""
        self._settle()
        if work.examples.rows.size == 0:
            self.layer.sampler.sample(np.zeros((0, 1), np.int64), work.num_sampled)
        else:
            with self.layer.sampler.lock:
                self.layer.sampler.advance(1, work.num_sampled)
        self._all("finish", self._stamp, work.optimizer, 0, None)
        self.step += 1

    def _refuse_labels_never_drawn(self, work: Work) -> None:
        """Raise ValueError if a loss is infinite since the chance of a class that can be drawn rounds to 0."""
        if self.layer.correction.subtract_log_q:
            labels = work.examples.counted_labels[:, np.newaxis]
            refuse_labels(labels, self.layer.sampler.probability(labels) == 0)

    # --- All shards -----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Wait until the last step is complete on all shards."""
        pending, self._pending = self._pending, []
        self.transport.receive(pending)

    def _all(self, message: str, *arguments: Any) -> list[Any]:
        """Send a message to all shards and wait for the replies."""
        return self.transport.receive(
            [self.transport.send(k, message, *arguments) for k in range(self.transport.ranges.num_shards)]
        )

    def ask(self, message: str, optimizer: Optimizer, *arguments: Any) -> list[Any]:
        """Send a message with the present stamp to all shards, and return the replies."""

        def action() -> list[Any]:
            self._settle()
            return self._all(message, self._stamp, optimizer, *arguments)

        return self.run(action)

    def relay(self, message: str, optimizer: Optimizer, groups: list[tuple[Any, Any]], last: list[Any]) -> list[Any]:
        """Pass the second value of each group through all shards in order; shards work on groups at the same time.

        Shard k gets (stamp, optimizer, first value, second value, last[k]), and returns the next second value.
        """

        def action() -> list[Any]:
            self._settle()
            replies = []
            for first, second in groups:
                passed = second
                for shard, extra in enumerate(last):
                    passed = self.transport.send(shard, message, self._stamp, optimizer, first, passed, extra)
                replies.append(passed)
            return self.transport.receive(replies)

        return self.run(action)

    def read(self, optimizer: Optimizer, name: str, first: int, end: int) -> Floats:
        """Return consecutive rows of a table."""

        def action() -> Floats:
            self._settle()
            replies = [
                self.transport.send(shard, "rows", self._stamp, optimizer, name, *bounds)
                for shard, *bounds in self._shards_of(first, end)
            ]
            return np.concatenate(self.transport.receive(replies))

        return self.run(action)

    def assign(self, name: str, first: int, values: Floats) -> None:
        """Write consecutive rows of a table, and a checkpoint if there is a folder: batches do not bring them back."""

        def action() -> None:
            self._settle()
            replies = [
                self.transport.send(shard, "assign", self._stamp, name, low, values[low - first : high - first])
                for shard, low, high in self._shards_of(first, first + len(values))
            ]
            self.transport.receive(replies)
            if self._folder is not None:
                self._write_checkpoint()

        self._ahead = None
        self.run(action)

    def _shards_of(self, first: int, end: int) -> list[tuple[int, int, int]]:
        """Return (shard, first, end) of the parts of consecutive rows."""
        ranges = self.transport.ranges
        bounds = [(k, max(first, ranges.of(k)[0]), min(end, ranges.of(k)[1])) for k in range(ranges.num_shards)]
        return [(k, low, high) for k, low, high in bounds if low < high]

    # --- Checkpoints ----------------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Write a checkpoint.

        Raises
        ------
        OSError
            If a shard or this process cannot write; the checkpoint before stays the newest, and the run can go on.
        """
        self.run(self._write_checkpoint)

    def _write_checkpoint(self) -> None:
        assert self._folder is not None  # the callers check it
        self._settle()
        ranges, step = self.transport.ranges, self.step
        replies = [
            self.transport.send(k, "write", self._stamp, str(shard_path(self._folder, step, *ranges.of(k))))
            for k in range(ranges.num_shards)
        ]
        files: list[ShardFile] = self.transport.receive(replies)
        state, arrays = self.layer.state()
        kept = copy.deepcopy(arrays)
        checkpoint = Checkpoint(step, files, state, kept)
        write_list(self._folder, checkpoint)
        self._first, self._log = checkpoint, []

    def close(self) -> None:
        """End all processes, and let go of the folder."""
        self.transport.close()
        if self._lock is not None:
            self._lock.release()


def _labels_to_learn(examples: Examples) -> NDArray[np.int64]:
    """Return the labels that a step teaches the sampler, as a layer does."""
    return examples.labels if examples.counted is None else examples.counted_labels[:, np.newaxis]
