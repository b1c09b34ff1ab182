"use strict";
// State and navigation: buttons, list of steps, arrow keys, switches.

const state = { step: 0, variant: 0, followed: 0 };
const byId = (id) => document.getElementById(id);

const switches = [
  { key: "num_sampled", legend: "num_sampled", name: (value) => count(value) },
  { key: "remove_accidental_hits", legend: "Accidental hits", name: (value) => (value ? "removed" : "kept") },
  { key: "subtract_log_q", legend: "log Q", name: (value) => (value ? "subtracted" : "not subtracted") },
];

function render() {
  const variant = data.variants[state.variant];
  byId("title").replaceChildren(element("span", { class: "number", "aria-hidden": "true" }, String(state.step + 1)), data.titles[state.step]);
  byId("text").replaceChildren(...variant.text[state.step].map((sentence) => element("p", null, rich(sentence))));
  renderMisconception(variant.misconceptions[String(state.step)]);
  byId("figures").replaceChildren(...stepFigures[state.step](variant, state.followed, follow).filter(Boolean));
  for (const frame of document.querySelectorAll(".scroll")) {
    if (frame.scrollWidth <= frame.clientWidth) frame.removeAttribute("tabindex");
  }
  byId("back").disabled = state.step === 0;
  byId("next").disabled = state.step === data.titles.length - 1;
  byId("position").textContent = `${state.step + 1} of ${data.titles.length}`;
  byId("steps").querySelectorAll("button").forEach((button, i) => {
    if (i === state.step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
}

function renderMisconception(pair) {
  byId("misconception").hidden = !pair;
  byId("misconception").replaceChildren(...(pair ? [
    element("p", null, element("span", { class: "kicker" }, "Common misconception"), element("q", null, rich(pair[0]))),
    element("p", null, rich(pair[1])),
  ] : []));
}

function go(step) {
  if (step < 0 || step >= data.titles.length) return;
  state.step = step;
  render();
  if (byId("title").getBoundingClientRect().top < 0) byId("app").scrollIntoView();
  history.replaceState(null, "", `#${step + 1}`);
  byId("announcement").textContent = `Step ${step + 1} of ${data.titles.length}: ${data.titles[step]}`;
}

function follow(example) {
  state.followed = example;
  render();
  document.querySelectorAll(".follow")[example].focus();
}

function makeSteps() {
  byId("steps").append(...data.titles.map((title, i) => {
    const button = element("button", { type: "button", "aria-label": `Step ${i + 1}: ${title}` },
      element("span", { class: "number" }, String(i + 1)), element("span", { class: "title" }, title));
    button.addEventListener("click", () => go(i));
    return element("li", null, button);
  }));
}

function makeSwitches() {
  const form = byId("switches");
  for (const { key, legend, name } of switches) {
    const values = [...new Set(data.variants.map((variant) => variant[key]))].sort((a, b) => b - a);
    if (key === "num_sampled") values.reverse();
    if (values.length < 2) continue;
    const choices = values.map((value) => element("label", null, element("input", { type: "radio", name: key, value: String(value),
      checked: data.variants[0][key] === value }), element("span", null, name(value))));
    form.append(element("fieldset", null, element("legend", null, legend), element("div", { class: "choices" }, choices)));
  }
  form.hidden = !form.children.length;
  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
}

function choose() {
  const form = new FormData(byId("switches"));
  const wanted = (variant) => switches.every(({ key }) => !form.has(key) || form.get(key) === String(variant[key]));
  state.variant = data.variants.findIndex(wanted);
  render();
  const variant = data.variants[state.variant];
  byId("announcement").textContent = switches.map(({ key, legend, name }) => `${legend}: ${name(variant[key])}`).join("; ");
}

/** Return whether the focused element handles arrow keys itself: a switch, or a scrolling table. */
function usesArrows(target) {
  return target.matches("input, select, textarea, pre") || target.matches(".scroll[tabindex]");
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || usesArrows(event.target)) return;
  if (event.key === "ArrowRight") go(state.step + 1);
  else if (event.key === "ArrowLeft") go(state.step - 1);
  else return;
  event.preventDefault();
});

function stepOfAddress() {
  const step = Number.parseInt(location.hash.slice(1), 10) - 1;
  return step >= 0 && step < data.titles.length ? step : 0;
}

byId("back").addEventListener("click", () => go(state.step - 1));
byId("next").addEventListener("click", () => go(state.step + 1));
window.addEventListener("hashchange", () => go(stepOfAddress()));
makeSteps();
makeSwitches();
byId("source").textContent = data.source;
byId("app").hidden = false;
state.step = stepOfAddress();
render();
