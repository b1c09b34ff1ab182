"""Figures of each shard in Ray's own metrics, which its dashboard and Prometheus show."""

from typing import Any

from ray.util.metrics import Counter, Gauge

_TAGS = ("run", "shard", "message")


class ShardMetrics:
    """Counts messages, their seconds, and steps of a shard.

    Parameters
    ----------
    run : str
    number : int
    """

    def __init__(self, run: str, number: int) -> None:
        tags = {"run": run, "shard": str(number)}
        self._messages = Counter("sampledsoftmax_messages", "Messages carried out.", tag_keys=_TAGS)
        self._seconds = Counter("sampledsoftmax_seconds", "Seconds of work on messages.", tag_keys=_TAGS)
        self._step = Gauge("sampledsoftmax_step", "Steps taken.", tag_keys=_TAGS[:2])
        for metric in (self._messages, self._seconds, self._step):
            metric.set_default_tags(tags)

    def add(self, message: str, seconds: float, arguments: tuple[Any, ...]) -> None:
        """Count a message; its first argument is a stamp."""
        self._messages.inc(1, {"message": message})
        self._seconds.inc(max(seconds, 1e-9), {"message": message})
        if message in ("apply", "finish"):
            self._step.set(arguments[0].step + 1)
