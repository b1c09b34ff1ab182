"""How tests are divided among worker processes: by file, and files that compile the same kernels together."""

from xdist.scheduler import LoadScopeScheduling

# A variant of a kernel is compiled by the worker that needs it first and read from disk by the others, unless two need
# it at once. So files that need the same variants are a group, which runs on one worker. Groups start in this order,
# the longest first; all other files follow. Ray is the last: its threads stay in the process, and a test that
# forks may hang.
GROUPS = {
    "words": (
        "tests/word2vec/test_trainer.py",
        "tests/word2vec/test_trainer_threads.py",
        "tests/word2vec/test_word2vec",
    ),
    "layers": (
        "tests/test_threads",
        "tests/test_layer",
        "tests/test_sample_weight",
        "tests/test_scale",
        "tests/test_objectives",
        "tests/test_golden",
    ),
    "losses": (
        "tests/test_tensorflow_losses",
        "tests/test_tensorflow_calls",
        "tests/test_losses",
        "tests/explain/test_trace",
        "tests/test_bias",
    ),
    "recommender": ("tests/retrieval/", "tests/ragged/"),
    "split steps": ("tests/test_split_step", "tests/torch/test_fused"),
    "in-batch": ("tests/test_in_batch", "tests/explain/test_in_batch", "tests/experiments/test_retrieval"),
    "odd calls": ("tests/odd_inputs/test_calls",),
    "killed runs": ("tests/word2vec/test_killed",),
    "benchmarks": ("tests/test_benchmarks", "tests/test_break_even"),
    "browser": ("tests/explain/test_page", "tests/word2vec/test_map_page"),
    "vector paths": ("tests/test_paths", "tests/word2vec/test_trainer_paths"),
    "Ray": ("tests/ray/", "sampledsoftmax/ray/", "docs/ray.md"),
}
LAST = "Ray"


def group_of(nodeid):
    """Return the group of a test, which is its file where no group names it."""
    file = nodeid.split("::")[0]
    return next((group for group, files in GROUPS.items() if file.startswith(files)), file)


def longest_first(items):
    """Return items so ordered that the long groups begin; a stable sort, so files stay whole."""
    places = {group: place for place, group in enumerate(GROUPS)} | {LAST: len(GROUPS) + 1}
    return sorted(items, key=lambda item: places.get(group_of(item.nodeid), len(GROUPS)))


class FileScheduler(LoadScopeScheduling):
    """Send the tests of a group to one worker."""

    def _split_scope(self, nodeid):
        return group_of(nodeid)
