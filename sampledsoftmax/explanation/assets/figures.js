"use strict";
// Figures: the table of weights by row, and matrices of examples by labels and candidates.

const columnsShown = data.examples.length ? data.examples[0].values.length : 0;
const columnsLeftOut = data.dim - columnsShown;

/** Return the marks of a row that tell why it is read. */
function marks(entry, withCandidates) {
  const made = [];
  if (entry.label_of.length) {
    const of = entry.label_of.length > 3 ? `${count(entry.label_of.length)} examples` : entry.label_of.join(", ");
    made.push(element("span", { class: "mark label" }, `label of ${of}`));
  }
  if (withCandidates && entry.candidate) made.push(element("span", { class: "mark candidate" }, "candidate"));
  return made;
}

/** Return the CSS classes of a row: highlighted or not. */
function highlighting(entry, withCandidates) {
  const label = entry.label_of.length > 0;
  const candidate = withCandidates && entry.candidate;
  return [label ? "is-label" : "", candidate ? "is-candidate" : "", label || candidate ? "" : "unread"].join(" ").trim();
}

/** Return the header of a table with a vector in each row. */
function vectorHeads(first, last) {
  const names = Array.from({ length: columnsShown }, (_, d) => `[${d}]`);
  return heads(...[first].flat(), ...names, ...(columnsLeftOut > 0 ? [`\u2026 ${count(columnsLeftOut)} more`] : []), ...last);
}

/** Return the cells of a vector. */
function vectorCells(values, largest) {
  const cells = values.map((value) => valueCell(value, largest));
  return columnsLeftOut > 0 ? [...cells, element("td", { class: "value" }, "\u2026")] : cells;
}

/** Return the row that replaces rows that are not drawn. */
function gapRow(entry, width) {
  const rows = (number) => `${count(number)} row${number === 1 ? "" : "s"}`;
  const text = entry.read === 0 ? `\u2026 ${rows(entry.gap)} not read \u2026`
    : `\u2026 ${rows(entry.gap)}, ${count(entry.read)} of them read for examples or candidates not shown \u2026`;
  return element("tr", { class: "gap" }, element("td", { colspan: String(width) }, element("span", null, text)));
}

/** Return the cell of the expected count of a row: a bar and the number. */
function expectedCell(entry) {
  const made = element("td", { class: "value with-bar expected" }, entry.expected.map((value) => shownShare(value)).join(" or "));
  if (entry.expected.length) made.prepend(bar(Math.max(...entry.expected)));
  return made;
}

/** Draw the table of weights with the rows of labels and, optionally, of candidates highlighted. */
function weightsFigure(variant, withCandidates) {
  const rows = variant.grid.filter((entry) => "id" in entry);
  const largest = largestOf(rows.map((entry) => entry.weights));
  const width = 1 + withCandidates + columnsShown + (columnsLeftOut > 0) + data.has_biases;
  const highlighted = rows.filter((entry) => highlighting(entry, withCandidates) !== "unread");
  const caption = `\`weights\` [${count(data.num_classes)}, ${data.dim}]${data.has_biases ? " and `biases`" : ""}: `
    + `rows of labels${withCandidates ? " and candidates" : ""} are highlighted`;
  const body = variant.grid.map((entry) => "gap" in entry ? gapRow(entry, width)
    : element("tr", { class: highlighting(entry, withCandidates), "data-id": entry.id },
      element("th", { scope: "row" }, classOf(entry.id), marks(entry, withCandidates), highlighted.includes(entry) ? null : aside(withCandidates ? "not read" : "not a label")),
      withCandidates ? expectedCell(entry) : null, vectorCells(entry.weights, largest),
      data.has_biases ? element("td", { class: "value bias" }, shown(entry.bias)) : null));
  const head = vectorHeads(withCandidates ? ["class", "expected count"] : ["class"], data.has_biases ? ["bias"] : []);
  return tableOf(caption, head, body, { class: "weights" });
}

/** Draw the same table with the gradient of each row. */
function gradientFigure(variant) {
  const rows = variant.grid.filter((entry) => "id" in entry);
  const largest = largestOf(rows.map((entry) => (entry.gradient ? entry.gradient.weights : [])));
  const width = 1 + columnsShown + (columnsLeftOut > 0) + data.has_biases;
  const kept = (entry) => (entry.changed === false ? "no gradient, same bits" : "no gradient");
  const body = variant.grid.map((entry) => {
    if ("gap" in entry) return gapRow(entry, width);
    const name = element("th", { scope: "row" }, classOf(entry.id), entry.gradient && entry.gradient.slices > 1
      ? element("span", { class: "mark" }, `sum of ${entry.gradient.slices} slices`) : null);
    if (!entry.gradient) {
      return element("tr", { class: "unread", "data-id": entry.id }, name, element("td", { class: "kept", colspan: String(width - 1) }, kept(entry)));
    }
    return element("tr", { class: highlighting(entry, true), "data-id": entry.id }, name, vectorCells(entry.gradient.weights, largest),
      data.has_biases ? element("td", { class: "value bias" }, shown(entry.gradient.bias)) : null);
  });
  const caption = `Gradient of \`weights\`${data.has_biases ? " and `biases`" : ""}, row by row: ${count(variant.slices)} slices, `
    + `${count(variant.rows_given_gradient)} rows`;
  return tableOf(caption, vectorHeads("class", data.has_biases ? ["bias"] : []), body, { class: "weights gradients" });
}

/** Draw the whole table of weights as a strip with one tick per row that is read. */
function mapFigure(variant) {
  const share = (rows) => `${(100 * rows / data.num_classes).toFixed(4)}%`;
  const ticks = variant.map.map(([id, role]) => element("span", { class: `tick ${role}`, "data-id": id, style: { left: share(id), width: share(1) } }));
  const rowsRead = `${count(variant.cost[0].read)} of ${count(data.num_classes)} rows`;
  const caption = `All rows of \`weights\`, from class 0 to class ${count(data.num_classes - 1)}: the ${rowsRead} that are read are highlighted`
    + (ticks.length < variant.cost[0].read ? `; ${count(ticks.length)} of them are drawn` : "");
  return element("figure", null, element("figcaption", null, rich(caption)),
    element("div", { class: data.num_classes > 100 ? "map fine" : "map", role: "img", "aria-label": `${rowsRead} are read` }, ticks),
    element("p", { class: "legend" }, ["label", "candidate", "both"].map((role) => [element("span", { class: `swatch ${role}`, "aria-hidden": "true" }), ` ${role} `])));
}

/** Return whether a column of an example is an accidental hit. */
function isHit(variant, b, column) {
  return variant.hits.some(([example, position]) => example === b && position === column - data.num_true);
}

/** Return whether a column is excluded from the softmax of an example. */
function isRemoved(variant, b, column) {
  return variant.remove_accidental_hits && isHit(variant, b, column);
}

/** Return the header of a matrix: labels, candidates, then extra columns. */
function matrixHead(variant, last) {
  const labels = Array.from({ length: data.num_true }, (_, t) =>
    element("th", { scope: "col", class: "label-head" }, data.num_true === 1 ? "label" : `label ${t + 1}`));
  const candidates = variant.candidates.map((id) => element("th", { scope: "col", class: "candidate-head" }, classOf(id)));
  return element("tr", null, element("th", { scope: "col" }, "example"), labels, candidates,
    last.map((name) => element("th", { scope: "col" }, name)));
}

/** Draw a matrix of examples by columns; `cell(b, column)` returns a td, `last(b)` the tds of the extra columns. */
function matrixFigure(variant, caption, cell, followed, follow, lastHeads = [], last = () => []) {
  const columns = data.num_true + variant.candidates.length;
  const body = data.examples.map((_, b) => element("tr", { class: b === followed ? "followed" : null },
    element("th", { scope: "row" }, followButton(b, followed, follow)),
    Array.from({ length: columns }, (_, column) => cell(b, column)), last(b)));
  return tableOf(caption, matrixHead(variant, lastHeads), body, { class: "matrix" });
}

/** Return the button that selects an example to follow. */
function followButton(b, followed, follow) {
  const made = element("button", { type: "button", class: "follow", "aria-pressed": String(b === followed),
    title: "Follow this example" }, exampleName(b));
  made.addEventListener("click", () => follow(b));
  return made;
}
