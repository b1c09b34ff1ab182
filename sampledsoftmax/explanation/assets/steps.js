"use strict";
// One function per step: the figures beside its sentences.

const stepFigures = [questionStep, labelsStep, drawStep, logitsStep, correctionStep, softmaxStep, gradientStep, costStep];

function notShown(variant) {
  return [more(data.batch_size - data.examples.length, "example"), more(variant.num_sampled - variant.candidates.length, "candidate")];
}

function questionStep(variant) {
  const largest = largestOf(data.examples.map((example) => example.values));
  const code = `sampled_softmax_loss(\n  weights   [${count(data.num_classes)}, ${data.dim}],\n`
    + (data.has_biases ? `  biases    [${count(data.num_classes)}],\n` : "  None,\n")
    + `  labels    [${count(data.batch_size)}, ${data.num_true}],\n  inputs    [${count(data.batch_size)}, ${data.dim}],\n`
    + `  num_sampled=${count(variant.num_sampled)}, num_classes=${count(data.num_classes)})`;
  const body = data.examples.map((example, b) => element("tr", null,
    element("th", { scope: "row" }, exampleName(b)), vectorCells(example.values, largest),
    element("td", { class: "names" }, example.labels.map((id, t) => [t ? ", " : "", classOf(id)]))));
  return [
    element("pre", { class: "code", "aria-label": "The call, with the shapes of its arguments" }, code),
    tableOf("The batch: an input and a label for each example", vectorHeads("example", [data.num_true === 1 ? "label" : "labels"]), body),
    more(data.batch_size - data.examples.length, "example"),
  ];
}

function labelsStep(variant) {
  return [listOf("labels", labelChips()), weightsFigure(variant, false)];
}

function drawStep(variant) {
  return [
    listOf("candidates", candidateChips(variant)),
    weightsFigure(variant, true),
    ...notShown(variant),
  ];
}

/** Return an array of ids as chips after its name. */
function listOf(name, ...parts) {
  return element("p", { class: "list" }, element("code", null, `${name} =`), " ", parts.map(([role, ids, total]) => [
    ids.map((id) => [element("span", { class: `chip ${role}` }, classOf(id)), " "]),
    total > ids.length ? `\u2026 ${count(total - ids.length)} more ` : null]));
}

function labelChips() {
  return ["label", data.examples.flatMap((example) => example.labels), data.batch_size * data.num_true];
}

function candidateChips(variant) {
  return ["candidate", variant.candidates, variant.num_sampled];
}

function logitsStep(variant, followed, follow) {
  const cell = (b, column) => hitCell(variant, b, column, variant.raw_logits[b][column]);
  const rowOf = new Map(variant.grid.filter((entry) => "id" in entry).map((entry) => [entry.id, entry]));
  const example = data.examples[followed];
  if (!example) return [];
  const largest = largestOf([...rowOf.values()].map((entry) => entry.weights));
  const body = columnIds(variant, followed).map((id, column) => element("tr", { class: column < data.num_true ? "is-label" : "is-candidate" },
    element("th", { scope: "row" }, classOf(id)), vectorCells(rowOf.get(id).weights, largest),
    data.has_biases ? element("td", { class: "value bias" }, shown(rowOf.get(id).bias)) : null,
    hitCell(variant, followed, column, variant.raw_logits[followed][column])));
  const input = element("tr", { class: "input-row" }, element("th", { scope: "row" }, `input ${exampleName(followed)}`),
    vectorCells(example.values, largest), data.has_biases ? element("td") : null, element("td"));
  return [
    matrixFigure(variant, `Logits [${count(data.batch_size)}, ${data.num_true} + ${count(variant.num_sampled)}]`, cell, followed, follow),
    ...notShown(variant),
    tableOf(`Example ${exampleName(followed)}: its input times each row, plus the bias`,
      vectorHeads("class", [...(data.has_biases ? ["bias"] : []), "logit"]), [input, ...body], { class: "worked" }),
  ];
}

/** Return the class of each column of an example. */
function columnIds(variant, b) {
  return [...data.examples[b].labels, ...variant.candidates];
}

/** Return the cell of a column; a hit is crossed out if it is removed, otherwise marked. */
function hitCell(variant, b, column, value, digits = 2) {
  if (!isHit(variant, b, column)) return element("td", { class: "value" }, shown(value, digits));
  if (variant.remove_accidental_hits) return element("td", { class: "value hit" }, element("s", null, shown(value, digits)), aside("accidental hit, removed"));
  return element("td", { class: "value kept-hit" }, shown(value, digits), aside("accidental hit, kept"));
}

/** Return the cell of a column after the removal of hits. */
function correctedCell(variant, b, column) {
  const value = variant.logits[b][column];
  if (isRemoved(variant, b, column)) return element("td", { class: "value hit" }, element("span", { "aria-hidden": "true" }, "hit"), aside("accidental hit, removed"));
  return hitCell(variant, b, column, value);
}

function correctionStep(variant, followed, follow) {
  if (!data.examples.length) return [];
  const on = variant.subtract_log_q;
  const body = columnIds(variant, followed).map((id, column) => {
    const isLabel = column < data.num_true;
    const [expected, log] = isLabel ? [variant.true_count[followed][column], variant.true_log[followed][column]]
      : [variant.sampled_count[column - data.num_true], variant.sampled_log[column - data.num_true]];
    return element("tr", { class: isLabel ? "is-label" : "is-candidate" }, element("th", { scope: "row" }, classOf(id)),
      element("td", { class: "value" }, shown(variant.raw_logits[followed][column])), element("td", { class: "value" }, shownShare(expected, 4)),
      element("td", { class: "value" }, on ? shown(log) : "not used"), correctedCell(variant, followed, column));
  });
  return [
    matrixFigure(variant, on ? "Logits minus log Q" : "Logits without correction", (b, column) => correctedCell(variant, b, column), followed, follow),
    ...notShown(variant),
    tableOf(`Example ${exampleName(followed)}: ${on ? "logit minus log Q" : "logit without correction"}`, heads("class", "logit", "Q", "log Q", on ? "logit \u2212 log Q" : "result"), body, { class: "worked" }),
  ];
}

function softmaxStep(variant, followed, follow) {
  if (!data.examples.length) return [];
  const cell = (b, column) => {
    if (isRemoved(variant, b, column)) return correctedCell(variant, b, column);
    const value = variant.probabilities[b][column];
    return element("td", { class: `value with-bar ${column < data.num_true ? "of-label" : ""}` }, bar(value), shownShare(value));
  };
  const loss = (b) => [element("td", { class: "value loss" }, shown(variant.loss[b], 4))];
  return [
    matrixFigure(variant, "Probabilities; each row sums to 1", cell, followed, follow, ["loss"], loss), ...notShown(variant),
    tableOf(`Example ${exampleName(followed)}: one softmax over its columns`, heads("class", "logit", "target", "probability"),
      columnIds(variant, followed).map((id, column) => targetRow(variant, followed, id, column, cell)), { class: "worked" }),
  ];
}

function targetRow(variant, followed, id, column, cell) {
  const isLabel = column < data.num_true;
  return element("tr", { class: isLabel ? "is-label" : "is-candidate" }, element("th", { scope: "row" }, classOf(id)),
    correctedCell(variant, followed, column), element("td", { class: "value" }, isLabel ? shown(data.target) : "0"), cell(followed, column));
}

function gradientStep(variant, followed, follow) {
  const cell = (b, column) => {
    const value = variant.logit_gradients[b][column];
    return isRemoved(variant, b, column) ? correctedCell(variant, b, column) : valueCell(value, 1);
  };
  const largest = largestOf(variant.inputs_gradient);
  const inputs = data.examples.map((_, b) => element("tr", null, element("th", { scope: "row" }, exampleName(b)), vectorCells(variant.inputs_gradient[b], largest)));
  const figures = [
    matrixFigure(variant, "Gradient of the logits: probability minus target", cell, followed, follow),
    listOf("indices", labelChips(), candidateChips(variant)),
    gradientFigure(variant),
  ];
  const pair = [tableOf("Gradient of the inputs", vectorHeads("example", []), inputs)];
  if (variant.embeddings) {
    const rows = variant.embeddings.map((entry) => element("tr", { "data-id": entry.id }, element("th", { scope: "row" }, classOf(entry.id)), vectorCells(entry.gradient, largest)));
    pair.push(tableOf("The same by row of the embedding table; equal ids are summed", vectorHeads("row", []), rows));
  }
  return [...figures, element("div", { class: "pair" }, pair), ...notShown(variant)];
}

function costStep(variant) {
  const rows = variant.cost.map((cost) => element("tr", null, element("th", { scope: "row" }, element("code", null, cost.name)),
    shareCell(cost.read, cost.num_rows), shareCell(cost.read * cost.row_bytes, cost.num_rows * cost.row_bytes),
    element("td", { class: "value" }, count(cost.gathered)), element("td", { class: "value" }, count(cost.given_gradient))));
  const logits = element("tr", null, element("th", { scope: "row" }, "this batch"), shareCell(variant.logits_computed, variant.logits_of_all));
  return [
    mapFigure(variant),
    tableOf("Rows and bytes read, out of all", heads("table", "rows read", "bytes read", "lookups", "rows updated"), rows, { class: "cost" }),
    tableOf("Logits computed, out of those of full softmax", heads("batch", "logits computed"), [logits], { class: "cost" }),
  ];
}

function shareCell(part, whole) {
  return element("td", { class: "value with-bar" }, bar(part / whole), `${count(part)} of ${count(whole)}`);
}
