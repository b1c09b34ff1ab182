"""What the commands of `recommend` print: tables of metrics, and items with their scores and titles."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sampledsoftmax.cli.vectors import visible
from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.titles import titles_of

_NAMES = {"recall": "recall", "ndcg": "NDCG", "mrr": "MRR", "map": "MAP", "hit_rate": "hit rate"}
_NAMES |= {"precision": "precision"}


def score_lines(scores: Mapping[str, RankingScores]) -> list[str]:
    r"""Return a table of metrics: a row per metric, a column per ranking.

    Examples
    --------
    >>> print("\n".join(score_lines({"model": RankingScores(0.5, 0.4, 0.3, 0.2, 1.0, 0.1, 2, 10)})))
                    model
    recall@10      0.5000
    NDCG@10        0.4000
    MRR@10         0.3000
    MAP@10         0.2000
    hit rate@10    1.0000
    precision@10   0.1000
    """
    width = max(10, *(len(name) + 2 for name in scores))
    k = next(iter(scores.values())).k
    titles = {name: f"{title}@{k}" for name, title in _NAMES.items()}
    first = max(map(len, titles.values()))
    lines = [" " * first + "".join(f"{name:>{width}}" for name in scores)]
    for name, title in titles.items():
        values = "".join(f"{getattr(one, name):>{width}.4f}" for one in scores.values())
        lines.append(f"{title:<{first}}{values}")
    return lines


def item_lines(ids: Sequence[Any], scores: Sequence[float], titles: Mapping[str, str]) -> list[str]:
    r"""Return a line per item: place, score, id, title.

    Examples
    --------
    >>> print("\n".join(item_lines([6, 110], [0.61, 0.5], {"6": "Heat"})))
       1  0.610  6    Heat
       2  0.500  110
    """
    width = max((len(visible(one)) for one in ids), default=0)
    named = zip(ids, scores, titles_of(ids, titles), strict=True)
    return [
        f"{place:4d}  {score:.3f}  {visible(one):<{width}}  {visible(title)}".rstrip()
        for place, (one, score, title) in enumerate(named, 1)
    ]


def write_json(file: Path, content: Any) -> None:
    """Write plain data as JSON."""
    with writing(file), new_file(file) as written:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        written.write(text.encode("utf-8", "backslashreplace").decode() + "\n")  # names may not be UTF-8
