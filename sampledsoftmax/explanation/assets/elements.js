"use strict";
// Building blocks of the page. Every number is computed in Python; here it is only formatted.

const data = JSON.parse(document.getElementById("data").textContent);

/** Return an element; null attributes are skipped, children are nodes or text. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "style") for (const [key, of] of Object.entries(value)) made.style.setProperty(key, of);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Return text as nodes, with text between backticks as code. */
function rich(text) {
  return text.split("`").map((piece, i) => (i % 2 ? element("code", null, piece) : piece));
}

/** Return text for screen readers only. */
function aside(text) {
  return element("span", { class: "sr" }, text);
}

/** Format a number: a real minus sign, a few digits; non-finite numbers are already text. */
function shown(value, digits = 2) {
  if (typeof value !== "number") return String(value).replace("-", "\u2212");
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212");
}

/** Format a probability or an expected count: small ones in scientific notation, not as 0.000. */
function shownShare(value, digits = 3) {
  const isSmall = typeof value === "number" && value !== 0 && Math.abs(value) < 10 ** -digits;
  return isSmall ? value.toExponential(1).replaceAll("-", "\u2212") : shown(value, digits);
}

/** Format a count with thousands separators. */
function count(value) {
  return value.toLocaleString("en-US");
}

/** Return an element with the id and the name of a class. */
function classOf(id) {
  const name = data.names[id];
  return element("span", { class: "class", title: name === undefined || name.length < 16 ? null : name },
    element("span", { class: "id" }, String(id)), name === undefined ? null : ` ${name}`);
}

/** Return the id and the name of a class as text. */
function className(id) {
  return data.names[id] === undefined ? String(id) : `${id} ${data.names[id]}`;
}

/** Return the name of an example as text. */
function exampleName(b) {
  const input = data.examples[b].input;
  return input === null ? String(b) : `${b} ${input}`;
}

/** Return the cell of a value, tinted by sign and magnitude. */
function valueCell(value, largest, className = "") {
  const size = typeof value === "number" && largest > 0 ? Math.min(Math.abs(value) / largest, 1) : 0;
  return element("td", { class: `value ${value < 0 ? "negative" : "positive"} ${className}`,
    style: { "--size": size.toFixed(3) } }, shown(value));
}

/** Return the largest absolute value in rows of numbers, the scale of the tints. */
function largestOf(rows) {
  return Math.max(...rows.flat().filter((value) => typeof value === "number").map(Math.abs), 0);
}

/** Return a bar for a share between 0 and 1. */
function bar(share) {
  return element("span", { class: "bar", "aria-hidden": "true", style: { "--share": Math.min(share, 1).toFixed(5) } });
}

/** Return a captioned table that scrolls in its own frame. */
function tableOf(caption, head, rows, attributes = {}) {
  const words = caption.replaceAll("`", "");
  const table = element("table", { ...attributes, "aria-label": words }, element("thead", null, head), element("tbody", null, rows));
  return element("figure", null, element("figcaption", null, rich(caption)),
    element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": words }, table));
}

/** Return a header row. */
function heads(...names) {
  return element("tr", null, names.map((name) => element("th", { scope: "col" }, name)));
}

/** Return a line that counts what is not shown, or nothing. */
function more(number, noun) {
  return number > 0 ? element("p", { class: "more" }, `\u2026 ${count(number)} more ${noun}${number === 1 ? "" : "s"} not shown`) : null;
}
