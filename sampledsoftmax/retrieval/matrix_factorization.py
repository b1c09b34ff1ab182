"""Matrix factorization of users and items with sampled softmax."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.retrieval import checkpoint as checkpoints
from sampledsoftmax.retrieval import queries
from sampledsoftmax.retrieval.arguments import described, interactions_of, lines, say
from sampledsoftmax.retrieval.evaluation import evaluate_ranking, unit_rows
from sampledsoftmax.retrieval.history import METRIC_K, EpochReport, save_curve
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.queries import Factors
from sampledsoftmax.retrieval.run import FitProgress
from sampledsoftmax.retrieval.session import Session, checked_watch, ignore
from sampledsoftmax.retrieval.settings import FactorSettings, checked_settings
from sampledsoftmax.retrieval.state import FactorState, first_state, held_out_of
from sampledsoftmax.runtime.stop_signals import StopSignals

_Model = TypeVar("_Model", bound="MatrixFactorization")


class MatrixFactorization:
    """Factors of users and items from pairs (user, item): recommendations, trained with sampled softmax.

    Each user predicts each of its items against candidates that are shared by a batch of users. All items of a user are
    taken out of its candidates, and log Q, the logarithm of the expected count, is subtracted from the logits, so that
    popular items, which are drawn more often, are not punished for it. Ids may be ints or str. Names are those of the
    library `implicit` where the meaning is the same.

    Parameters
    ----------
    dim : int
        Numbers per user and item.
    num_sampled : int, optional
        Candidates of a batch, drawn with replacement. By default 4,096, but at most the number of items that have
        pairs: where this is all items, nothing is drawn, and the loss is that of the full softmax. A larger number than
        that of the items is refused.
    temperature : float
        Logits are divided by it. With normalized rows, lower values make the few most similar wrong items count more.
    normalize : bool
        True: logits are cosines; False: dot products, for which `temperature=1.0` is usual.
    optimizer : Optimizer or (Optimizer, Optimizer), optional
        That of both tables, or of the users and of the items; it must have a compiled rule. Rates fall linearly to 0
        over all epochs. By default `Adam(2e-2, beta_1=0, beta_2=.9, mode="row_counted")` and
        `Adam(4e-3, mode="row_counted")`.
    epochs : int
        Passes over all pairs.
    batch_size : int
        Users of a batch, each with all its items.
    sampler : str
        Distribution of the candidates: "popularity" (counts of the items ** popularity_exponent) or "uniform".
    popularity_exponent : float
        At least 0.
    subtract_log_q : bool
        False is the usual mistake: popular items are punished.
    patience : int
        With a validation split, epochs without a higher Recall@20 after which training stops.
    seed : int
        In [0, 2**31 - 2]; the same seed gives the same bits, for any number of threads.

    Attributes
    ----------
    user_factors, item_factors : float32 [num_users, dim], [num_items, dim]
        Their dot product is the score of a recommendation: rows of length 1 where `normalize` is True, zeros where
        there are no training pairs.

    Raises
    ------
    TypeError, ValueError
        An argument is of another type or out of its range.

    Notes
    -----
    The loss of a pair (u, p) is -log(e_p w_p / (e_p w_p + sum of e_c w_c)) over the candidates c that are no item of u,
    with e_i = exp(cos(x_u, y_i) / temperature) and w_i = 1 / expected count of i; that of a batch is the mean over its
    pairs. Sampled softmax: Jean et al., "On using very large target vocabulary for neural machine translation", 2015;
    as a loss of recommendation: Wu et al., "On the effectiveness of sampled softmax loss for item recommendation",
    2022. The defaults were chosen on validation splits of Yelp2018 and Gowalla; `docs/recommend.md` has the scores.

    All settings are attributes, such as `model.dim`, and cannot be assigned.

    Examples
    --------
    Users with an even number take items with an even number:

    >>> pairs = [(user, item) for user in range(20) for item in range(10) if user % 2 == item % 2 and (user + item) % 3]
    >>> users, items = zip(*pairs)
    >>> model = MatrixFactorization(dim=4, epochs=10, seed=1).fit(users, items)
    >>> [item for user, item in pairs if user == 4]
    [0, 4, 6]
    >>> ids, scores = model.recommend(4, k=2)
    >>> ids
    array([2, 8])
    >>> model.similar_items(3, k=3)[0]
    array([9, 1, 7])
    >>> model.user_factors.shape, model.item_ids
    ((20, 4), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """

    def __init__(
        self,
        dim: int = 64,
        num_sampled: int | None = None,
        temperature: float = 0.11,
        normalize: bool = True,
        optimizer: Optimizer | tuple[Optimizer, Optimizer] | None = None,
        epochs: int = 32,
        batch_size: int = 128,
        sampler: str = "popularity",
        popularity_exponent: float = 0.5,
        subtract_log_q: bool = True,
        patience: int = 5,
        seed: int = 1,
    ) -> None:
        given = {name: value for name, value in locals().items() if name != "self"}
        self._settings = checked_settings(**given)
        self._state: FactorState | None = None
        self._made: tuple[FactorState, Factors] | None = None

    def __repr__(self) -> str:
        size = "not fitted" if self._state is None else repr(self._state.seen).partition("(")[2].rstrip(")")
        return f"<{type(self).__name__}: {size}, dim={self.settings.dim}>"

    def __getattr__(self, name: str) -> Any:
        """Return a setting; only names that are not there come here."""
        if name in FactorSettings._fields and "_settings" in vars(self):
            return getattr(self._settings, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what training would not see."""
        if name in FactorSettings._fields:
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be assigned: make a new one")
        object.__setattr__(self, name, value)

    @property
    def settings(self) -> FactorSettings:
        """The arguments, with defaults filled in."""
        return self._settings

    @property
    def is_fitted(self) -> bool:
        """Whether there are factors."""
        return self._state is not None

    @property
    def is_finished(self) -> bool:
        """Whether training has ended: all epochs are done, or it was stopped early."""
        return self._state is not None and self._state.is_finished

    @property
    def interactions(self) -> Interactions:
        """The pairs that were given; ValueError before `fit`."""
        return self._fitted().seen

    @property
    def validation(self) -> Interactions | None:
        """The pairs that were held out, None without a validation split; ValueError before `fit`."""
        return self._fitted().held_out

    @property
    def user_ids(self) -> list[Any]:
        """The ids of the rows of `user_factors`; ValueError before `fit`."""
        return list(self._fitted().seen.user_ids)

    @property
    def item_ids(self) -> list[Any]:
        """The ids of the rows of `item_factors`; ValueError before `fit`."""
        return list(self._fitted().seen.item_ids)

    @property
    def user_factors(self) -> NDArray[np.float32]:
        """Read-only float32 [num_users, dim]; ValueError before `fit`."""
        return self._factors().users

    @property
    def item_factors(self) -> NDArray[np.float32]:
        """Read-only float32 [num_items, dim]; ValueError before `fit`."""
        return self._factors().items

    @property
    def history(self) -> list[EpochReport]:
        """An `EpochReport` per epoch: loss, learning rates, and the metrics of the validation split."""
        return list(self._fitted().history)

    @property
    def best_epoch(self) -> int:
        """The epoch of the factors, from 1: the best one on the validation split, or else the last one."""
        state = self._fitted()
        return state.position.epoch if state.best is None else state.best.epoch

    def fit(
        self: _Model,
        users: Any = None,
        items: ArrayLike | None = None,
        ratings: ArrayLike | None = None,
        *,
        min_rating: float | None = None,
        validation: float | Interactions | None = None,
        resume: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 600.0,
        on_epoch: Callable[[EpochReport], None] = ignore,
        on_progress: Callable[[FitProgress], None] = ignore,
        on_compile: Callable[[], None] = ignore,
        show_progress: bool = False,
    ) -> _Model:
        """Learn the factors of users and items from pairs.

        A model is fitted once: a second call is refused, unless it resumes a run that was interrupted.

        Parameters
        ----------
        users : array or list [num_pairs], path, sparse matrix, or Interactions
            The user of each pair, with `items`. Or, without `items`: a file, which `Interactions.read` reads; a matrix
            of users by items in CSR form, as of SciPy, whose entries other than 0 are pairs; or interactions. Repeated
            pairs count once. It may be left out to resume.
        items : array or list [num_pairs], optional
            The item of each pair.
        ratings : array or list [num_pairs], optional
            For `min_rating`.
        min_rating : float, optional
            Pairs with a lower rating are left out; by default every pair counts, whatever its rating.
        validation : float or Interactions, optional
            A fraction, such as 0.1: of each user with n items, max(1, floor(0.1 n)), drawn by the seed, are held out
            (none of a user with one). Or pairs to hold out. They are not trained on; Recall@20 and NDCG@20 on them are
            measured after each epoch, for at most 5,000 users. Training stops after `patience` epochs without a higher
            Recall@20, and the factors of the best epoch are kept. By default all pairs are trained on, for all epochs.
        resume : bool
            Continue a run that was interrupted, or the `checkpoint` of one that was loaded: the factors are the same
            bits as those of an uninterrupted run.
        checkpoint : path, optional
            File that is written every `checkpoint_seconds`, at the end, and when Ctrl-C, SIGTERM or SIGHUP stops the
            run; `load` reads it.
        checkpoint_seconds : float
            0 writes one after each block of batches.
        on_epoch, on_progress, on_compile : callable
            Called with an `EpochReport` after each epoch; with a `FitProgress` after each block of batches, about a
            tenth of a second; without arguments if the first step is being compiled and that takes more than a second.
        show_progress : bool
            Whether a line per epoch is written to stderr.

        Returns
        -------
        MatrixFactorization
            The model itself.

        Raises
        ------
        TypeError, ValueError, OSError
            An argument is of another type or out of its range, the data cannot be read or has no pairs, the model is
            fitted already, or the data is not that of the run to resume. The model is as it was.
        FloatingPointError
            A loss or a factor is not finite; the message names the learning rates. The model keeps the factors of the
            last epoch before, if there is one.
        KeyboardInterrupt
            After Ctrl-C: at once while data is read and code is compiled, later at the end of the current block, after
            the checkpoint; the model can go on with `resume=True`. A second one is raised at once, and the model keeps
            the factors of the last epoch.
        SystemExit
            After SIGTERM or SIGHUP, in the same way, if the process has no handler for them.

        Examples
        --------
        >>> model = MatrixFactorization(dim=4, epochs=2)
        >>> model.fit([1, 1, 2, 2, 3], [10, 11, 10, 12, 12], validation=0.5)
        <MatrixFactorization: 3 users, 3 items, 5 pairs, dim=4>
        >>> [report.epoch for report in model.history], model.validation.num_pairs
        ([1, 2], 2)
        """
        watches = [checked_watch(on_epoch, on_progress, on_compile)]
        path = checkpoints.check_place(checkpoint)
        seconds = _seconds(checkpoint_seconds)
        if _flag("show_progress", show_progress):
            watches.append(lines())
        with StopSignals() as signals:
            given = (users, items, ratings, min_rating)
            if _flag("resume", resume):
                state = self._resumed(given, validation)
            else:
                self._refuse_fitted()
                seen = interactions_of(*given)
                state = first_state(self.settings, seen, held_out_of(seen, validation, self.settings.seed))
                if show_progress:
                    say(described(state))
            Session(state, path, seconds, tuple(watches), signals).run(self._take)
        return self

    def recommend(self, user: Any, k: int = 10, exclude_seen: bool = True) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return the items with the highest scores for a user, and the scores.

        Parameters
        ----------
        user : int or str, or a sequence of them
            The id of a user, or those of several.
        k : int
            Number of items.
        exclude_seen : bool
            Whether the items of the user in the data of `fit` are left out.

        Returns
        -------
        ids : int64 or object [k] or [num_users, k]
            Ids of items, the best first; among equal scores the item that is first in `item_ids`. For one user there
            are fewer than k if fewer can be recommended. Items without training pairs are never recommended.
        scores : float32 [k] or [num_users, k]
            Cosines where `normalize` is True, else dot products.

        Raises
        ------
        KeyError
            A user is not in the data; the message says what to do.
        TypeError, ValueError
            The model is not fitted, `k` is out of range, a user has no training pairs, or one of several users has
            fewer than k items that can be recommended.
        """
        factors = self._factors()
        count = validation.whole_number("k", k, 1)
        return queries.recommend(factors, user, count, validation.flag("exclude_seen", exclude_seen))

    def similar_items(self, item: Any, k: int = 10) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return the items whose factors have the largest cosine with those of an item; the item itself is left out.

        Parameters
        ----------
        item : int or str, or a sequence of them
            The id of an item, or those of several.
        k : int
            Number of items.

        Returns
        -------
        ids : int64 or object [k] or [num_items, k]
            Ids of items, the most similar first. For one item there are fewer than k if there are fewer others.
        cosines : float32 [k] or [num_items, k]
            In [-1, 1].

        Raises
        ------
        KeyError
            An item is not in the data.
        TypeError, ValueError
            The model is not fitted, `k` is out of range, or an item has no training pairs.
        """
        factors = self._factors()
        count = validation.whole_number("k", k, 1)
        return queries.similar_items(factors, item, count)

    def evaluate(
        self,
        users: Any,
        items: ArrayLike | None = None,
        ratings: ArrayLike | None = None,
        *,
        min_rating: float | None = None,
        k: int = METRIC_K,
        unknown: str = "refuse",
    ) -> RankingScores:
        """Rank all items for each user, without those of the data of `fit`, and compare with test pairs.

        Pairs of the validation split may be test pairs too: then only the training pairs are left out of the ranking.

        Parameters
        ----------
        users, items, ratings, min_rating : optional
            Test pairs, as the data of `fit`.
        k : int
            Length of the ranking.
        unknown : str
            What to do about pairs of a user or an item that is not in the data of `fit`: "refuse" them, or
            "leave_out", as if they were not there, which makes the scores look better than they are.

        Returns
        -------
        RankingScores
            Means over the users with test pairs.

        Raises
        ------
        TypeError, ValueError
            The model is not fitted, an argument is of another type or out of its range, there are no test pairs, or
            some are unknown or were trained on.

        Examples
        --------
        >>> model = MatrixFactorization(dim=4, epochs=2).fit([1, 1, 2, 2, 3], [10, 11, 10, 12, 12])
        >>> model.evaluate([1, 3], [12, 10], k=2).num_users
        2
        """
        factors = self._factors()
        count = validation.whole_number("k", k, 1)
        validation.choice("unknown", unknown, ("refuse", "leave_out"))
        given = interactions_of(users, items, ratings, min_rating)
        test = given.with_rows_of(factors.seen)
        missing = given.num_pairs - test.num_pairs
        if test.num_pairs == 0:
            raise ValueError(f"none of the {given.num_pairs:,} test pairs has a user and an item of the data of fit")
        if missing and unknown == "refuse":
            raise ValueError(
                f"{missing:,} of {given.num_pairs:,} test pairs have a user or an item that is not in the data of fit: "
                "write unknown='leave_out' to evaluate the others"
            )
        seen = queries.left_out_of_ranking(factors, test)
        return evaluate_ranking(factors.users, factors.items, seen, test, count, item_biases=factors.finite_biases)

    def save_loss_curve(self, path: str | os.PathLike[str]) -> None:
        """Write loss and validation metrics of each epoch: a picture if the name ends in .png, else CSV.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        ImportError
            A picture is asked for, and matplotlib, the extra `plot`, is not installed.
        TypeError, ValueError, OSError
            The model is not fitted, or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> model = MatrixFactorization(dim=4, epochs=2).fit([1, 1, 2], [10, 11, 10])
        >>> model.save_loss_curve(tempfile.mkdtemp() + "/loss.csv")
        """
        save_curve(path, self._fitted().history)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model: settings, ids, pairs, factors, optimizer slots, history and the position of the run.

        The file is written atomically, with checksums and without pickle; see `io/archive.py`.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        TypeError, ValueError, OSError
            The model is not fitted, or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.zip"
        >>> model = MatrixFactorization(dim=4, epochs=2).fit([1, 1, 2], [10, 11, 10])
        >>> model.save(path)
        >>> bool((MatrixFactorization.load(path).user_factors == model.user_factors).all())
        True
        """
        state = self._fitted()
        checkpoints.save(checked_path(path), state)

    @classonlymethod
    def load(cls: type[_Model], path: str | os.PathLike[str], optimizer: Any = None) -> _Model:
        """Load a model written by `save`, or a `checkpoint` of `fit`.

        Parameters
        ----------
        path : path
            The file.
        optimizer : Optimizer or (Optimizer, Optimizer), optional
            That of the model again, if its class is not of this package: no code is ever read from a file.

        Returns
        -------
        MatrixFactorization
            As it was saved.

        Raises
        ------
        FileNotFoundError
            The file does not exist.
        ValueError
            The file is no such model or is damaged; one line that says where.
        TypeError
            `path` is no path; or it is called on a model, which it would not change, instead of the class.

        Examples
        --------
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.zip"
        >>> model = MatrixFactorization(dim=4, epochs=2).fit([1, 1, 2], [10, 11, 10], checkpoint=path)
        >>> MatrixFactorization.load(path).recommend(2)[0]
        array([11])
        """
        state = checkpoints.load(checked_path(path), optimizer)
        model = cls()
        model._settings, model._state = state.settings, state
        return model

    def _take(self, state: FactorState) -> None:
        """Make a state of a run the state of the model."""
        self._state = state

    def _fitted(self) -> FactorState:
        if self._state is None:
            raise ValueError("there are no factors yet: call fit(users, items) first")
        return self._state

    def _factors(self) -> Factors:
        """Return the factors as queries use them, made at the first use after training."""
        state = self._fitted()
        if self._made is None or self._made[0] is not state:
            users, items = map(unit_rows if self.settings.normalize else np.copy, state.factors)
            users.flags.writeable = items.flags.writeable = False
            self._made = state, Factors(users, items, state.seen, state.train)
        return self._made[1]

    def _refuse_fitted(self) -> None:
        if self._state is None:
            return
        if self._state.is_finished:
            raise ValueError("this model is fitted, and a second fit would discard that: make a new one")
        raise ValueError(
            f"this run was stopped in epoch {self._state.position.epoch + 1} of {self.settings.epochs}: "
            "fit(resume=True) continues it, and a new model starts again"
        )

    def _resumed(self, given: tuple[Any, ...], validation_split: Any) -> FactorState:
        """Return the state to go on from; refuse other data."""
        state = self._fitted()
        if given[0] is not None:
            seen = interactions_of(*given)
            same = all(np.array_equal(getattr(seen, n), getattr(state.seen, n)) for n in ("row_splits", "items"))
            if not same or (seen.user_ids, seen.item_ids) != (state.seen.user_ids, state.seen.item_ids):
                raise ValueError("the data is not that of the run to resume; it is in the model, and may be left out")
        elif any(value is not None for value in given):
            raise TypeError("items, ratings and min_rating need users: leave all of them out to resume")
        if validation_split is not None:
            held_out = held_out_of(state.seen, validation_split, self.settings.seed)
            kept = state.held_out
            if held_out is None or kept is None or not np.array_equal(held_out.items, kept.items):
                raise ValueError("validation is not that of the run to resume; it is in the model: leave it out")
        return state


def _flag(name: str, value: object) -> bool:
    return validation.flag(name, value)


def _seconds(value: object) -> float:
    return validation.number("checkpoint_seconds", value, at_least=0.0)
