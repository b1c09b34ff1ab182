"""Draw the SVG pictures of the documentation in light and dark: `python docs/make_figures.py`.

All numbers in them are computed by the library. Text is at least 17 pixels high in a picture
640 pixels wide, so that it is legible on a phone.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import sampledsoftmax as ss

FOLDER = Path(__file__).parent / "figures"
NUM_CLASSES, DIM = 10_000, 16
LABELS = np.array([[7], [4003]])


class Palette(NamedTuple):
    """Colors of one mode: text colors, and (fill, line) pairs of boxes."""

    text: str
    faint: str
    plain: tuple[str, str]
    label: tuple[str, str]
    candidate: tuple[str, str]


PALETTES = {
    "light": Palette(
        "#212529",
        "#5c636a",
        ("#f1f3f5", "#adb5bd"),
        ("#ffd8a8", "#c2410c"),
        ("#bfe0fb", "#1864ab"),
    ),
    "dark": Palette(
        "#f1f3f5",
        "#b6bec6",
        ("#343a40", "#6c757d"),
        ("#8a3d0c", "#ffa94d"),
        ("#134a7c", "#74c0fc"),
    ),
}


def text(
    x: float, y: float, words: object, color: str, size: int = 18, anchor: str = "start"
) -> str:
    """Return a text element."""
    place = f'x="{x:.1f}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{color}">{words}</text>'


def box(
    x: float, y: float, width: float, height: float, colors: tuple[str, str], corner: int = 3
) -> str:
    """Return a rectangle with rounded corners."""
    fill, line = colors
    place = f'x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="{corner}"'
    return f'<rect {place} fill="{fill}" stroke="{line}" stroke-width="1.5"/>'


def chips(
    x: float, y: float, ids: np.ndarray, palette: Palette, colors: tuple[str, str]
) -> list[str]:
    """Return a row of boxes, one per id."""
    parts = []
    for i, class_id in enumerate(ids):
        parts += [
            box(x + 66 * i, y, 60, 30, colors),
            text(x + 66 * i + 30, y + 22, class_id, palette.text, 18, "middle"),
        ]
    return parts


def table(y: float, drawn: np.ndarray, palette: Palette) -> list[str]:
    """Return the rows of the weights that the batch reads, with a few that it does not."""
    parts = [
        text(238, y, "softmax_weights", palette.text, 18, "middle"),
        text(392, y, "biases", palette.text, 18, "middle"),
    ]
    y += 14
    shown = sorted({0, NUM_CLASSES - 1, *LABELS.ravel().tolist(), *drawn.tolist()})
    for class_id in shown:
        is_label, is_drawn = class_id in LABELS, class_id in drawn
        fill, line = (
            palette.label if is_label else palette.candidate if is_drawn else palette.plain
        )
        both = (palette.candidate[0], line) if is_label and is_drawn else (fill, line)
        for cell in range(8):
            parts.append(
                box(118 + 30 * cell, y, 30, 24, (fill, line) if cell % 2 == 0 else both)
            )
        parts.append(box(377, y, 30, 24, (fill, line)))
        parts.append(
            text(
                104,
                y + 19,
                class_id,
                palette.text if is_label or is_drawn else palette.faint,
                18,
                "end",
            )
        )
        said = " and ".join(["a label"] * is_label + ["drawn"] * is_drawn)
        parts.append(
            text(422, y + 19, said or "not read", palette.text if said else palette.faint)
        )
        y += 26
        if class_id != shown[-1]:
            parts.append(text(238, y + 11, "⋯", palette.faint, 18, "middle"))
            y += 14
    return parts


def logits(y: float, drawn: np.ndarray, values: np.ndarray, palette: Palette) -> list[str]:
    """Return the logits [2, 1 + num_sampled] as boxes, accidental hits crossed out."""
    parts = [text(170, y, "label", palette.text, 17, "middle")]
    parts += [
        text(256 + 76 * i, y, class_id, palette.text, 17, "middle")
        for i, class_id in enumerate(drawn)
    ]
    for row, logit_row in enumerate(values):
        top = y + 10 + 40 * row
        parts.append(text(10, top + 24, f"example {row}", palette.text))
        for column, logit in enumerate(logit_row):
            x = 135 if column == 0 else 145 + 76 * column
            parts.append(
                box(x, top, 70, 34, palette.label if column == 0 else palette.candidate)
            )
            if np.isfinite(logit):
                shown = f"{logit:.1f}".replace("-", "\N{MINUS SIGN}")
                parts.append(text(x + 35, top + 24, shown, palette.text, 18, "middle"))
            else:
                parts.append(
                    f'<path d="M{x + 4} {top + 4}l62 26m-62 0l62 -26" stroke="{palette.faint}"'
                    ' stroke-width="1.5"/>'
                )
                parts.append(text(x + 35, top + 24, "hit", palette.text, 18, "middle"))
    return parts


def rows_of_a_batch(palette: Palette) -> str:
    """Return the picture of the start page: the ids that select rows, the rows, the logits."""
    rng = np.random.default_rng(0)
    weights, biases = rng.normal(size=(NUM_CLASSES, DIM)), np.zeros(NUM_CLASSES)
    inputs = rng.normal(size=(2, DIM))
    drawn = ss.log_uniform_candidate_sampler(LABELS, 1, 5, True, NUM_CLASSES, seed=29)
    values, _ = ss.compute_sampled_logits(
        weights,
        biases,
        LABELS,
        inputs,
        5,
        NUM_CLASSES,
        1,
        drawn,
        remove_accidental_hits=True,
    )
    ids = drawn.sampled_candidates
    parts = [
        text(10, 24, "labels, one per example", palette.text),
        *chips(10, 36, LABELS.ravel(), palette, palette.label),
        text(300, 24, "candidates, drawn once for the batch", palette.text),
        *chips(300, 36, ids, palette, palette.candidate),
        *table(112, ids, palette),
        text(
            10,
            486,
            "logits: input · row + bias \N{MINUS SIGN} log(expected count)",
            palette.text,
        ),
        *logits(520, ids, values, palette),
        text(
            10,
            638,
            "softmax over 1 + 5 columns → loss → gradients of six rows",
            palette.text,
        ),
    ]
    return picture(650, parts)


def log_uniform_line(palette: Palette) -> str:
    """Return the unit interval split by class as the sampler splits it, and five batches."""

    def place(class_id: int) -> float:
        return 10 + 620 * float(np.log1p(class_id) / np.log1p(NUM_CLASSES))

    def piece(y: float, class_id: int, colors: tuple[str, str]) -> str:
        left = place(class_id)
        return box(left, y, max(place(class_id + 1) - left, 1.5), 26, colors, corner=0)

    parts = [
        text(10, 24, "a uniform number falls on this line: which class is it?", palette.text)
    ]
    colors = palette.plain, palette.candidate
    parts += [piece(38, k, colors[k % 2]) for k in range(40)]
    parts += [box(place(40), 38, 630 - place(40), 26, palette.plain, corner=0)]
    parts += [text(place(k) + 4, 86, k, palette.text, 17) for k in (0, 1, 2, 4, 9, 30)]
    parts += [text(place(k), 86, k, palette.text, 17, "middle") for k in (100, 1000)]
    parts += [text(630, 86, NUM_CLASSES - 1, palette.text, 17, "end")]
    parts += [text(10, 128, "five batches of 16 candidates", palette.text)]
    sampler = ss.LogUniformSampler(NUM_CLASSES, seed=29)
    for batch in range(5):
        ids = sampler.sample([[0]], 16).sampled_candidates
        parts += [piece(142 + 34 * batch, k, palette.candidate) for k in sorted(ids.tolist())]
    return picture(318, parts)


def labeled_box(
    x: float,
    y: float,
    width: float,
    name: str,
    says: str,
    colors: tuple[str, str],
    palette: Palette,
) -> list[str]:
    """Return a box with a package's name and, below it, what it holds."""
    height = 58 if says else 34
    parts = [box(x, y, width, height, colors)]
    parts.append(text(x + width / 2, y + 23, name, palette.text, 18, "middle"))
    if says:
        parts.append(text(x + width / 2, y + 47, says, palette.faint, 17, "middle"))
    return parts


def arrow(x: float, top: float, bottom: float, palette: Palette, shift: float = 0) -> str:
    """Return an arrow that points down from (x, top) to (x + shift, bottom)."""
    end = x + shift
    line = f'<path d="M{x:g} {top:g}L{end:g} {bottom - 8:g}" stroke="{palette.faint}"'
    head = f"M{end - 5:g} {bottom - 9:g}h10l-5 9z"
    return f'{line} stroke-width="1.5"/><path d="{head}" fill="{palette.faint}"/>'


def packages(palette: Palette) -> str:
    """Return the packages: an arrow points to a package that is imported."""
    plain, api, loops = palette.plain, palette.label, palette.candidate
    named = [
        (10, 10, 620, "cli", "the command line", plain),
        (10, 98, 117, "word2vec", "word vectors", plain),
        (135, 98, 94, "retrieval", "top items", plain),
        (237, 98, 142, "torch, jax, ray", "tensors, shards", plain),
        (387, 98, 117, "explanation", "one batch", plain),
        (513, 98, 117, "diagnostics", "sampler fit", plain),
        (10, 186, 369, "layers", "tables and the training step", api),
        (330, 274, 300, "losses", "logits, losses, gradients", api),
        (10, 362, 196, "optimizers", "sparse updates", api),
        (222, 362, 196, "samplers", "candidates, counts", api),
        (434, 362, 196, "runtime", "threads, memory", api),
        (10, 646, 620, "jit", "how kernels are compiled, linked, dispatched and cached", plain),
    ]
    parts = [part for entry in named for part in labeled_box(*entry, palette)]
    down = [
        *[(x, 68, 98, 0) for x in (68, 182, 446, 572)],
        *[(x, 156, 186, 0) for x in (68, 182, 308)],
        *[(446, 156, 274, 0), (572, 156, 274, 0)],
        *[(108, 244, 362, 0), (262, 244, 362, 0), (354, 244, 274, 0)],
        *[(380, 332, 362, 0), (532, 332, 362, 0)],
        *[(x, 420, 450, 0) for x in (108, 320, 532)],
        (320, 616, 646, 0),
    ]
    parts += [arrow(x, top, bottom, palette, shift) for x, top, bottom, shift in down]
    parts.append(box(10, 450, 620, 166, plain))
    parts.append(text(24, 474, "kernels: loops on arrays", palette.text))
    rows = [
        ("text", "step", "full"),
        ("loss", "sampling", "update"),
        ("linalg", "sync", "structs"),
    ]
    for row, names in enumerate(rows):
        for column, name in enumerate(names):
            place = 24 + 200 * column, 486 + 42 * row
            parts += labeled_box(*place, 192, name, "", loops, palette)
    parts.append(text(10, 736, "Used by all of them: types, validation, io.", palette.text))
    parts.append(
        text(10, 762, "On their own: reference, in plain NumPy, and testing.", palette.text)
    )
    return picture(776, parts)


def picture(height: int, parts: list[str]) -> str:
    """Return an SVG file, 640 pixels wide."""
    box_of_view = f'viewBox="0 0 640 {height}" font-family="system-ui, sans-serif"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {box_of_view}>', *parts, "</svg>\n"]
    return "\n".join(lines)


def figures() -> dict[str, str]:
    """Return all pictures by file name."""
    drawers = {
        "rows": rows_of_a_batch,
        "log-uniform": log_uniform_line,
        "architecture": packages,
    }
    return {
        f"{name}-{mode}.svg": draw(palette)
        for name, draw in drawers.items()
        for mode, palette in PALETTES.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, picture in figures().items():
        (FOLDER / name).write_text(picture, encoding="utf-8")
