"""Interactions with a structure that can be learned, and small models of them."""

import functools

import numpy as np

import sampledsoftmax as ss
from sampledsoftmax.retrieval.interactions import Interactions

SMALL = {"dim": 8, "epochs": 6, "batch_size": 16, "num_sampled": 24, "seed": 3}
GROUPS, ITEMS_PER_GROUP, ITEMS_PER_USER = 4, 15, 7


@functools.cache
def tastes(num_users=120, seed=1):
    """Return users of four tastes, each with some items of its taste; the item of a pair is 15 * taste + n."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(num_users), ITEMS_PER_USER)
    items = [
        user % GROUPS * ITEMS_PER_GROUP + rng.permutation(ITEMS_PER_GROUP)[:ITEMS_PER_USER] for user in range(num_users)
    ]
    return Interactions.from_pairs(users, np.concatenate(items))


def taste(items):
    """Return the taste that items belong to."""
    return np.asarray(items) // ITEMS_PER_GROUP


def fitted(**more):
    """Return a model of the tastes; `of_fit` are arguments of fit."""
    of_fit = more.pop("of_fit", {})
    return ss.MatrixFactorization(**{**SMALL, **more}).fit(tastes(), **of_fit)


def bits(model):
    """Return all that a run has learned: tables with slots, history, best epoch."""
    state = model._state
    arrays = {name: array.tobytes() for name, array in state.tables.arrays().items()}
    best = None if state.best is None else (state.best.epoch, state.best.users.tobytes(), state.best.items.tobytes())
    return arrays, repr(state.history), best, state.position
