"""A bar that shows the progress of many steps; it needs the extra `cli`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sampledsoftmax.io.extras import need

Update = Callable[[int, float, int], None]  # of pairs, loss and recoveries


@contextmanager
def bar(total: int | None) -> Iterator[Update]:
    """Give a function that advances the bar; one without effect for a total of None."""
    if total is None:
        yield lambda pairs, loss, recoveries: None
        return
    with need("tqdm", "tqdm", "cli").tqdm(total=total, unit=" pairs", unit_scale=True) as shown:

        def update(pairs: int, loss: float, recoveries: int) -> None:
            shown.set_postfix_str(f"loss {loss:.4g}" + f", {recoveries} recoveries" * (recoveries > 0), refresh=False)
            shown.update(pairs)

        yield update
