"""`sampledsoftmax sample`: draw candidates, and compare the sampler with the counts of the classes."""

import click
import numpy as np
from click.core import ParameterSource

from sampledsoftmax import validation
from sampledsoftmax.cli.sample_model import compare_with_model
from sampledsoftmax.diagnostics.chart import bars, doubling
from sampledsoftmax.diagnostics.counts_file import Counts, read_counts
from sampledsoftmax.diagnostics.fitting import Fit, fit, hundred
from sampledsoftmax.diagnostics.problem import Floats, shares
from sampledsoftmax.samplers import CandidateSampler, LogUniformSampler, UniformSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.types import SampledValues

NAMES = ("log_uniform", "uniform", "fixed_unigram")
RANGE_MAX, NUM_SAMPLED = 10_000, 64  # defaults
MOST_SHOWN = 8


@click.command(short_help="What a sampler draws, and whether it fits your counts.")
@click.option(
    "--sampler", type=click.Choice(NAMES), default=NAMES[0], show_default=True,
    help="log_uniform: small ids far more often, as for words sorted by falling count. uniform: all equally."
    " fixed_unigram: by the counts.",
)  # fmt: skip
@click.option("--counts", metavar="FILE", help="Counts of the classes; see above.")
@click.option("--distortion", type=float, help="Power to which fixed_unigram raises the counts. [default: 1]")
@click.option("--num-sampled", type=int, help="Distinct classes to draw. [default: 64, or all if there are fewer]")
@click.option("--range-max", type=int, help=f"Number of classes. [default: that of the counts, else {RANGE_MAX:,}]")
@click.option("--seed", default=1, show_default=True, help="The same seed draws the same classes.")
@click.option("--plot", metavar="FILE", help="Also write a figure (PNG); needs matplotlib.")
@click.option("--model", metavar="DIR", help="Compare all samplers with the softmax of a trained model; see below.")
def sample(
    sampler: str, counts: str | None, distortion: float | None, num_sampled: int | None, range_max: int | None,
    seed: int, plot: str | None, model: str | None,
) -> None:  # fmt: skip
    """Draw the candidates of one batch, and show which classes a sampler prefers.

    Sampled softmax compares the true class with a few classes drawn by a sampler. It needs the fewest of them when
    classes are drawn about as often as they occur. With --counts, this command says whether they are, and what to use
    if not.

    \b
    FILE is text with one class per line, class 0 first, in one of three formats:
      120          a count
      the 120      a word and its count
      the,120      the same; or an id and its count (17,120), in any order

    The last line is the verdict: "100 candidates are worth 97" means that 100 draws of this sampler estimate the
    whole sum as well as 97 draws by the counts.

    With --model, the --output directory of a training run of words, nothing is drawn: the table has what candidates of
    each sampler are worth compared to draws from the softmax of the model itself. Only --num-sampled and --seed go with
    it.
    """  # noqa: D301 - for click, the character that the escape denotes keeps the lines of a paragraph apart
    if model is not None:
        _refuse_other_options()
        compare_with_model(model, NUM_SAMPLED if num_sampled is None else num_sampled, seed)
        return
    found = None if counts is None else read_counts(_named("--counts", counts))
    chosen = _sampler(sampler, found, distortion, _range(range_max, found), seed)
    q = chosen.probability(np.arange(chosen.range_max)).astype(np.float64)
    size = min(NUM_SAMPLED, chosen.num_drawable) if num_sampled is None else num_sampled
    values = chosen.sample(np.zeros((0, 1), np.int64), size)
    if plot is not None:
        _save_plot(plot, sampler, q, found, values)
    verdict = fit(found.counts, chosen if sampler == "fixed_unigram" else sampler) if found else None
    for line in _answer(sampler, q, found, values, verdict, seed):
        click.echo(line)
    if plot is not None:
        click.echo(f"figure: {plot}")


def _refuse_other_options() -> None:
    """Refuse options that a comparison with a model would not heed."""
    context = click.get_current_context()
    for name in ("sampler", "counts", "distortion", "range_max", "plot"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with --model: all samplers are compared")


def _named(option: str, path: str) -> str:
    """Return the name of a file; an empty one comes from a variable of the shell that is not set."""
    if not path:
        raise ValueError(f"{option} is empty: name a file")
    return path


def _range(range_max: int | None, found: Counts | None) -> int:
    if found is None:
        return validation.whole_number("--range-max", RANGE_MAX if range_max is None else range_max, 1)
    if range_max not in (None, len(found.names)):
        raise ValueError(f"--range-max is {range_max}, but the file has {len(found.names)} counts: omit it")
    return len(found.names)


def _sampler(name: str, found: Counts | None, distortion: float | None, range_max: int, seed: int) -> CandidateSampler:
    if distortion is not None and name != "fixed_unigram":
        raise ValueError(f"--distortion is a setting of fixed_unigram, and the sampler is {name}")
    if name == "fixed_unigram":
        if found is None:
            raise ValueError("--sampler fixed_unigram draws by counts: give them with --counts FILE")
        return FixedUnigramSampler(found.counts, 1.0 if distortion is None else distortion, seed=seed)
    return (LogUniformSampler if name == "log_uniform" else UniformSampler)(range_max, seed)


def _save_plot(path: str, name: str, q: Floats, found: Counts | None, values: SampledValues) -> None:
    if not path.lower().endswith(".png"):
        raise ValueError(f"--plot must name a .png file, got {validation.shown(path)}")
    try:
        from sampledsoftmax.diagnostics.figures import save_fit_png  # noqa: PLC0415 - matplotlib is an extra
    except ModuleNotFoundError as error:
        missing = str(error.name).split(".")[0]
        raise ValueError(f"{missing} is not installed: pip install 'sampledsoftmax[plot]'") from None
    save_fit_png(path, name, q, shares(found.counts) if found else None, values.sampled_candidates)


def _answer(
    name: str, q: Floats, found: Counts | None, values: SampledValues, verdict: Fit | None, seed: int
) -> list[str]:
    ids = values.sampled_candidates
    lines = [f"{name} draws {ids.size:,} different classes of {q.size:,} (seed {seed}):", _listed(ids, found), ""]
    lines.append(f"Share of {'the counts, of ' if found else ''}a draw and of this sample, by class id:")
    bins = doubling(q.size)
    drawn = np.bincount(ids, minlength=q.size) / ids.size
    heads, columns = ["ids", name, "this sample"], [bins.sums(q), bins.sums(drawn)]
    if found:
        heads.insert(1, "counts")
        columns.insert(0, bins.sums(shares(found.counts)))
    lines += bars(bins.names(), heads, columns)
    return lines if verdict is None else [*lines, "", *_comparison(verdict)]


def _listed(ids: np.ndarray, found: Counts | None) -> str:
    """Return the first candidates, with names if the file has words."""
    words = [str(i) if found is None or found.names[i] == str(i) else f"{i} {found.names[i]}" for i in ids[:MOST_SHOWN]]
    return "  " + ", ".join(words) + (f", ... and {ids.size - MOST_SHOWN:,} more" if ids.size > MOST_SHOWN else "")


def _comparison(found: Fit) -> list[str]:
    """Return a table of the distances of the sampler and of other choices, then the verdict."""
    rows = {found.sampler: found.distance} | {k: one for k, one in found.others.items() if k != found.sampler}
    width = max(map(len, rows))
    head = f"{'distance from the counts':<{width}}  total variation  KL (bits)  100 candidates are worth"
    table = [
        f"{name:<{width}}  {one.total_variation:15.3f}  {one.kl_bits:9.3f}  {hundred(one):>24}"
        for name, one in rows.items()
    ]
    ordered = "yes" if found.first_unsorted is None else f"no: id {found.first_unsorted} is the first that is not"
    return [head, *table, "", f"ids in order of falling count: {ordered}", found.verdict]
