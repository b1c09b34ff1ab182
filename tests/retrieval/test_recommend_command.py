"""`sampledsoftmax recommend`: from ratings to recommendations, and one line for each mistake."""

import json
import os
import signal

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.cli import main
from sampledsoftmax.io.folder_lock import FolderLock
from sampledsoftmax.retrieval.interactions import Interactions
from sampledsoftmax.retrieval.metrics import RankingScores
from sampledsoftmax.retrieval.run import Run
from sampledsoftmax.retrieval.titles import read_titles

SMALL = ["--dim", "8", "--epochs", "3", "--num-sampled", "8", "--batch-size", "8"]
NUM_USERS, NUM_ITEMS = 40, 30


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    lines = ["userId,movieId,rating\n"]
    for user in range(NUM_USERS):
        lines += [f"{user},{item + 100},{item % 5 + 1}\n" for item in rng.choice(NUM_ITEMS, 8, replace=False)]
    (tmp_path / "r.csv").write_text("".join(lines))
    titles = [f'{item + 100},"Film {item}, The",Drama\n' for item in range(NUM_ITEMS - 1)]
    (tmp_path / "movies.csv").write_text("".join(["movieId,title,genres\n", *titles]))
    return tmp_path


def recommend(*arguments):
    return main(["recommend", *arguments])


def trained(*options, data="r.csv", output="run"):
    assert recommend("train", data, "--output", output, *SMALL, *options) == 0


def last_line(capsys):
    """Return the line of an error, which is the last one on stderr, and forget what was printed before."""
    captured = capsys.readouterr()
    assert captured.out == ""
    line = captured.err.splitlines()[-1]
    assert line.startswith("sampledsoftmax: ")
    assert "Traceback" not in captured.err
    return line.removeprefix("sampledsoftmax: ")


def failed(capsys, *arguments):
    capsys.readouterr()
    assert recommend(*arguments) == 1
    return last_line(capsys)


def test_train_then_evaluate_then_top(folder, capsys):
    trained("--titles", "movies.csv")
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert lines[0] == "r.csv: csv with a header: users in 'userId', items in 'movieId', ratings in 'rating'"
    assert lines[1] == "movies.csv: 29 of 30 items have a title"
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split(":")[0] for line in epochs] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all("loss" in line and "recall@20" in line for line in epochs)
    assert lines[-1].startswith("40 users, 30 items, 320 pairs in run after ")
    table = captured.out.splitlines()
    assert table[0].split() == ["model", "popularity"]
    assert table[1].split()[0] == "recall@20"
    assert ": Film " in table[-1]
    names = {path.name for path in (folder / "run").iterdir()}
    assert {"model.zip", "settings.json", "loss.csv", "titles.csv", "lock"} <= names
    assert (folder / "run" / "loss.csv").read_text().count("\n") == 4
    settings = json.loads((folder / "run" / "settings.json").read_text())
    assert (settings["ratings"], settings["dim"], settings["epochs_done"]) == (["r.csv"], 8, 3)

    model = ss.MatrixFactorization.load(folder / "run" / "model.zip")
    assert model.validation.num_pairs == 40
    assert recommend("evaluate", "run", "--k", "5", "--json", "scores.json") == 0
    shown = capsys.readouterr().out.splitlines()
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["model"] == model.evaluate(model.validation, k=5)._asdict()
    assert shown[1].split() == ["recall@5", *(f"{scores[name]['recall']:.4f}" for name in ("model", "popularity"))]

    assert recommend("top", "run", "7", "--k", "3") == 0
    ids, values = model.recommend(7, 3)
    titles = read_titles("movies.csv")
    rows = zip(ids.tolist(), values, strict=True)
    expected = [
        f"{place:4d}  {value:.3f}  {item}  {titles.get(str(item), '')}" for place, (item, value) in enumerate(rows, 1)
    ]
    assert capsys.readouterr().out.splitlines() == [line.rstrip() for line in expected]
    assert recommend("top", "run", "7", "8", "--k", "2", "--include-seen", "--json", "top.json") == 0
    shown = capsys.readouterr().out.splitlines()
    assert (shown[0], shown[3]) == ("7:", "8:")
    content = json.loads((folder / "top.json").read_text())
    ids, values = model.recommend(8, 2, exclude_seen=False)
    assert [(item["id"], item["score"]) for item in content["8"]] == list(
        zip(ids.tolist(), values.tolist(), strict=True)
    )
    assert recommend("top", "run/model.zip", "7", "--k", "1") == 0  # a file of a model has no titles
    assert "Film" not in capsys.readouterr().out


def test_everything_is_trained_on_without_a_split(folder, capsys):
    trained("--validation", "0", "--min-rating", "3")
    captured = capsys.readouterr()
    assert "recall" not in captured.out + captured.err
    kept = Interactions.read("r.csv", min_rating=3)
    assert f"{kept.num_pairs} of 320 pairs with a rating of at least 3: kept" in captured.err
    model = ss.MatrixFactorization.load(folder / "run" / "model.zip")
    assert (model.validation, model.interactions.num_pairs) == (None, kept.num_pairs)
    line = failed(capsys, "evaluate", "run")
    assert line == "run was trained on all pairs, without --validation: name a file of test pairs"


def test_the_same_command_gives_the_same_files(folder):
    for name, threads in (("one", "1"), ("two", "2")):
        trained("--threads", threads, output=name)
    for file in ("model.zip", "settings.json", "loss.csv"):
        assert (folder / "one" / file).read_bytes() == (folder / "two" / file).read_bytes()


def press_ctrl_c_at(monkeypatch, block):
    real, blocks = Run.train_block, iter(range(1, 10_000))

    def train_block(run):
        if next(blocks) == block:
            os.kill(os.getpid(), signal.SIGINT)
        return real(run)

    monkeypatch.setattr(Run, "train_block", train_block)


def test_a_run_that_is_stopped_goes_on(folder, capsys, monkeypatch):
    trained(output="whole")
    with monkeypatch.context() as patched:
        press_ctrl_c_at(patched, 2)
        capsys.readouterr()
        assert recommend("train", "r.csv", "--output", "run", *SMALL) == 130
    assert last_line(capsys) == "interrupted; run/model.zip has the run up to where it stopped: continue with --resume"
    assert (folder / "run" / "loss.csv").exists()
    line = failed(capsys, "train", "r.csv", "--output", "run", *SMALL)
    assert line.startswith("run has a run that was stopped in epoch 3 of 3: continue it with --resume, ")
    line = failed(capsys, "train", "--output", "run", "--resume", "--dim", "9", "--seed", "5")
    assert line == "the run in run has other settings: dim=8, not 9; seed=1, not 5"
    (folder / "other.csv").write_text("1,2\n1,3\n")
    line = failed(capsys, "train", "other.csv", "--output", "run", "--resume")
    assert line == "the data is not that of the run to resume; it is in the model, and may be left out"
    assert recommend("train", "r.csv", "--output", "run", "--resume", *SMALL) == 0
    for file in ("settings.json", "loss.csv"):
        assert (folder / "run" / file).read_bytes() == (folder / "whole" / file).read_bytes()
    models = [ss.MatrixFactorization.load(folder / name / "model.zip") for name in ("run", "whole")]
    np.testing.assert_array_equal(models[0].user_factors, models[1].user_factors)
    capsys.readouterr()
    (folder / "run" / "settings.json").unlink()  # killed after the last checkpoint
    assert recommend("train", "--output", "run", "--resume") == 0
    assert capsys.readouterr().err.startswith("the run in run is finished: there is nothing left to train")
    assert (folder / "run" / "settings.json").exists()


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    trained()
    shown = capsys.readouterr().err
    assert "epoch 3/3: 100%" in shown
    assert " pairs/s, loss " in shown
    assert "\nepoch 1/3: loss" not in shown  # the lines are for files


def test_a_folder_is_used_by_one_run(folder, capsys):
    (folder / "run").mkdir()
    lock = FolderLock(folder / "run")
    lock.claim()
    line = failed(capsys, "train", "r.csv", "--output", "run", *SMALL)
    lock.release()
    assert line.startswith(f"folder run is in use by process {os.getpid()} on ")


def test_test_pairs_that_cannot_be_ranked_are_left_out(folder, capsys):
    trained("--validation", "0")
    seen = Interactions.read("r.csv")
    item = next(i for i in range(seen.num_items) if i not in seen.items_of(0))
    known, new = seen.item_ids[seen.items_of(0)[0]], seen.item_ids[item]
    (folder / "test.csv").write_text(f"0,{known}\n0,{new}\n0,999\n77,{new}\n0,x\n")  # ids of the model are ints
    capsys.readouterr()
    assert recommend("evaluate", "run", "test.csv", "--json", "/dev/stdout") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[1:] == [
        "3 of 5 test pairs have a user or an item that the training data has not: left out",
        "1 of 5 test pairs were trained on: left out",
        "means over 1 user with test pairs",
    ]
    model = ss.MatrixFactorization.load("run/model.zip")
    rank = model.recommend(0, 30)[0].tolist().index(new) + 1
    shown = next(line.split() for line in captured.out.splitlines() if line.startswith("MRR@20"))
    assert shown[1] == f"{1 / rank if rank <= 20 else 0:.4f}"
    (folder / "none.csv").write_text("0,999\n")
    line = failed(capsys, "evaluate", "run", "none.csv")
    assert line.startswith("no test pairs are left: ")


def test_held_out_pairs_in_a_test_file_are_scored_as_those_of_the_run(folder, capsys):
    trained()
    model = ss.MatrixFactorization.load("run/model.zip")
    lines = [
        f"{model.user_ids[user]},{model.item_ids[item]}\n"
        for user in range(NUM_USERS)
        for item in model.validation.items_of(user)
    ]
    (folder / "test.csv").write_text("".join(lines))
    capsys.readouterr()
    outputs = []
    for arguments in (["evaluate", "run"], ["evaluate", "run", "test.csv"]):
        assert recommend(*arguments) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_a_user_of_all_items_gets_none(folder, capsys):
    (folder / "one.csv").write_text("ann,tea\n")
    trained("--validation", "0", "--num-sampled", "1", data="one.csv")
    capsys.readouterr()
    assert recommend("top", "run", "ann") == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "ann has all items: --include-seen recommends those too\n")
    assert recommend("top", "run", "ann", "--include-seen") == 0
    assert capsys.readouterr().out.endswith("  tea\n")


TRAIN_MISTAKES = [
    (["--output", "x"], "Missing argument 'RATINGS...'."),
    (["r.csv"], "Missing option '--output'."),
    (["nowhere.csv", "--output", "x"], "nowhere.csv does not exist"),
    (["r.csv", "--output", ""], "the output folder has an empty name: name one, such as . for the current one"),
    (["r.csv", "--output", "r.csv"], "output folder r.csv cannot be written: is not a folder"),
    (["--output", "x", "--resume"], "x does not exist: name the --output folder of recommend train"),
    (["--output", ".", "--resume"], ". has no model.zip: name the --output folder of recommend train"),
    (["r.csv", "--output", "x", "--epochs", "0"], "epochs must be at least 1, got 0"),
    (["r.csv", "--output", "x", "--dim", "many"], "Invalid value for '--dim': 'many' is not a valid integer."),
    (["r.csv", "--output", "x", "--temperature", "nan"], "temperature must be finite, got nan"),
    (["r.csv", "--output", "x", "--validation", "1"], "validation must be below 1, got 1"),
    (["r.csv", "--output", "x", "--threads", "0"], "num_threads must be at least 1, got 0"),
    (["r.csv", "--output", "x", "--min-rating", "9"], "min_rating=9 leaves no pair: the highest rating is 5"),
    (["r.csv", "--output", "x", "--no-header"], "r.csv, line 1: the rating is no number: 'rating'; without a header"),
    (["r.csv", "--output", "x", "--num-sampled", "99"], "num_sampled = 99 is more than the"),
    (["r.csv", "--output", "x", "--titles", "nowhere"], "nowhere does not exist"),
    (["r.csv", "--output", "x", "--titles", "r.csv"], "r.csv, line 1 names no column title: 'userId,movieId,rating'"),
    (["r.csv", "--output", "x", "--titles", "others.csv"], "others.csv has a title of none of the 30 items: its ids"),
    (["empty", "--output", "x"], "empty is empty: lines of a user and an item are expected"),
    (["binary", "--output", "x"], "binary is not text: it has a NUL at position 1, in line 1; it may be a file of"),
    (["nan.csv", "--output", "x"], "nan.csv, line 2: the rating is nan, a finite number is expected"),
    (["one.csv", "--output", "x"], "validation=0.1 holds out nothing, since no user has two items: fit without"),
    (["r.csv", "--output", "other"], "other/loss.csv is not the file of that name of a run and would be replaced"),
    (["taken/titles.csv", "--output", "taken"], "taken/titles.csv is an input and would be replaced: name another"),
    (["r.csv", "--output", "damaged"], "damaged/model.zip is not a matrix factorization or is damaged: File is not a"),
]  # fmt: skip


@pytest.fixture
def bad_files(folder):
    for name in ("other", "taken", "damaged"):
        (folder / name).mkdir()
    (folder / "other" / "loss.csv").write_text("month,loss\n")
    (folder / "taken" / "titles.csv").write_text("1,2\n")
    (folder / "damaged" / "model.zip").write_text("?")
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"a\0b")
    (folder / "nan.csv").write_text("1,2,5\n1,3,nan\n")
    (folder / "one.csv").write_text("1,2\n")
    (folder / "others.csv").write_text("id,title\n7,Heat\n")


@pytest.mark.usefixtures("bad_files")
@pytest.mark.parametrize(("arguments", "message"), TRAIN_MISTAKES)
def test_mistakes_of_train_are_one_line(arguments, message, capsys, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert failed(capsys, "train", *arguments).startswith(message)
    assert {path: path.read_bytes() for path in before} == before  # nothing is lost
    assert not (folder / "x" / "model.zip").exists()


def test_all_users_are_named_where_there_are_few(folder, capsys):
    (folder / "few.csv").write_text("ann,tea\nann,jam\nbob,tea\n")
    assert recommend("train", "few.csv", "--output", "run", "--dim", "4", "--epochs", "1") == 0
    message = failed(capsys, "top", "run", "zoe")
    assert message == "the user 'zoe' is not in the training data: its users are ann, bob"


def test_a_run_that_stops_early_says_so(capsys):
    trained("--epochs", "40", "--patience", "1")
    settings = ss.MatrixFactorization.load("run/model.zip")
    last, best = len(settings.history), settings.best_epoch
    assert last < 40
    note = (
        f"stopped after epoch {last} of 40: no higher recall in the last epoch; the factors are those of epoch {best}"
    )
    assert note in capsys.readouterr().err.splitlines()
    trained(output="other")
    assert "stopped" not in capsys.readouterr().err


def test_mistakes_of_top_and_evaluate_are_one_line(capsys):
    trained()
    assert failed(capsys, "top", "run") == "Missing argument 'USER...'."
    assert (
        failed(capsys, "top", "run", "7", "99")
        == "the user '99' is not in the training data: its users are 0, 1, 2, ..."
    )
    assert failed(capsys, "top", "run", "07").startswith("the user '07' is not in the training data")
    assert failed(capsys, "top", "nowhere", "7").startswith("nowhere does not exist: name the --output folder of")
    assert failed(capsys, "top", ".", "7").startswith(". has no model.zip: name the --output folder of")
    assert failed(capsys, "top", "r.csv", "7").startswith("r.csv is not a matrix factorization or is damaged")
    assert failed(capsys, "top", "run", "7", "--k", "0") == "k must be at least 1, got 0"
    assert failed(capsys, "top", "run", "7", "--titles", "nowhere") == "nowhere does not exist"
    assert failed(capsys, "top", "run", "7", "--json", "no/x").startswith("no is not a directory: create it, or name")
    assert failed(capsys, "evaluate", "run", "--k", "0") == "k must be at least 1, got 0"
    assert failed(capsys, "evaluate", "run", "nowhere") == "nowhere does not exist"
    assert failed(capsys, "tran").startswith("No such command 'tran'.")
    assert recommend() == 0
    assert "Train a recommender on ratings" in capsys.readouterr().out


TITLES = [
    ("movieId,title,genres\n6,Heat,Crime\n7,\"Sabrina, 1995\",X\n", {"6": "Heat", "7": "Sabrina, 1995"}),
    ("6::Heat::Crime\n7::Sabrina::X\n", {"6": "Heat", "7": "Sabrina"}),
    ("6\tHeat\n\n6\tagain\n", {"6": "Heat"}),
    ("Title;ISBN\nEmma;014\n", {"014": "Emma"}),
    ("title,year\nHeat,1995\n", {"1995": "Heat"}),
    ("artist_id,name\na1,Queen \n", {"a1": "Queen"}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), TITLES)
def test_titles_are_read(content, expected, folder):
    (folder / "titles").write_text(content)
    assert read_titles("titles") == expected


TITLE_MISTAKES = [
    ("", "titles is empty: lines of an id and a title are expected"),
    ("6 Heat\n", "titles: lines of an id, a comma, tab, semicolon or ::, and a title are expected, got '6 Heat"),
    ("6,Heat\n7,Sabrina\n8\n", "titles, line 3 has no id and title: '8'"),
    ("6,Heat\n,Sabrina\n", "titles, line 2 has no id and title: ',Sabrina'"),
    ("id,title\n", "titles has no lines below its header"),
    ("movieId,userId\n1,2\n", "titles, line 1 names no column title: 'movieId,userId'"),
]


@pytest.mark.parametrize(("content", "message"), TITLE_MISTAKES)
def test_mistakes_in_titles_are_one_line(content, message, folder):
    (folder / "titles").write_text(content)
    with pytest.raises(ValueError, match=r"^titles") as caught:
        read_titles("titles")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_scores_name_the_length_of_the_ranking(capsys):
    trained()
    capsys.readouterr()
    assert recommend("evaluate", "run", "--k", "3") == 0
    first = [line.split("@3")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert first == ["recall", "NDCG", "MRR", "MAP", "hit rate", "precision"]
    assert len(first) == len(RankingScores._fields) - 2
