// Adversarial bokeh of one photo: natural and adversarial side by side, what the classifier sees in each, what changed.

import * as server from "./server.js";
import { follower, item, line, picture } from "./follow.js";

const at = (id) => document.getElementById(id);
let choices = null, shown = 0;

const work = follower(
  { start: "attack-start", stop: "attack-stop", progress: "attack-progress", cells: "attack-cells" },
  { waits: "The attack", works, show, ended });

export function listen(photo, options, say) {
  at("attack").addEventListener("shown", () => load().catch((error) => say(error.message, true)));
  at("method").addEventListener("change", chosen);
  at("attack-form").addEventListener("submit", (event) => {
    event.preventDefault();
    work.start(async () => {
      const job = await server.attack(photo().id, given(options()));
      empty();
      return job;
    }, say);
  });
}

// For another photo: what was made of the last one goes.
export function clear() {
  work.stop();
  empty();
}

function empty() {
  shown = 0;
  at("attack-cells").replaceChildren();
  at("attack-result").hidden = true;
}

// What can be chosen is asked for when the tab is first opened: the answer needs the classifiers' library.
async function load() {
  if (choices) return;
  at("attack-about").textContent = "Looking for classifiers …";
  choices = await server.attacks();
  at("victim").replaceChildren(...choices.victims.map((name) => new Option(name, name)));
  at("method").replaceChildren(...choices.methods.map(({ name }) => new Option(name, name)));
  at("method").value = choices.default.method;
  at("steps").value = choices.default.steps;
  at("no-victim").hidden = choices.victims.length > 0;
  at("no-victim").textContent =
    `There is no classifier to attack: no weights are on this computer. This brings one: ${choices.get}`;
  at("attack-start").disabled = choices.victims.length === 0;
  chosen();
}

function chosen() {
  const method = choices.methods.find(({ name }) => name === at("method").value);
  at("attack-about").textContent = method.unit ? `${method.about}; ε ${method.unit}` : method.about;
  at("epsilon").disabled = method.epsilon === null;
  at("epsilon").value = method.epsilon === null ? "" : Number(method.epsilon.toPrecision(3));
  at("epsilon").placeholder = method.epsilon === null ? "none" : "";
}

function given(options) {
  const epsilon = at("epsilon").value;
  return {
    victim: at("victim").value, method: at("method").value, steps: Number(at("steps").value), options,
    ...(epsilon === "" ? {} : { epsilon: Number(epsilon) }),
  };
}

function works({ done, parts }) {
  return parts ? `Attacking: the classifier was asked ${done} times of at most ${parts} …` : "Opening the classifier …";
}

function show({ cells }, { job }) {
  for (; shown < cells.length; shown++) at("attack-cells").append(made(cells[shown], job, shown));
}

function made(cell, job, index) {
  const place = item(cell.name);
  place.prepend(picture(cell, job, index, `The ${cell.name}`));
  if (cell.about) place.append(line(cell.about));
  if (cell.top) place.append(bars(cell));
  return place;
}

// The five likeliest classes, each a bar as long as the classifier is sure.
function bars({ name, top }) {
  const list = document.createElement("ol");
  list.className = "bars";
  list.setAttribute("aria-label", `What the classifier sees in the ${name}`);
  for (const { name: seen, confidence } of top) {
    const row = document.createElement("li"), label = document.createElement("span"), bar = document.createElement("div");
    label.textContent = `${seen} ${percent(confidence)}`;
    bar.style.width = `${100 * confidence}%`;
    row.append(label, bar);
    list.append(row);
  }
  return list;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

function ended(found, { job }) {
  if (found.state !== "done") return "";
  at("attack-result").hidden = false;
  at("attack-command").value = found.command;
  at("attack-link").href = server.cellPicture(job, 2);
  const [, natural, adversarial] = found.cells.map(({ top }) => top?.[0].name);
  const times = `asked ${found.queries} times`;
  if (!found.success) return `Not fooled: the classifier still sees ${adversarial}, ${times}.`;
  return natural === adversarial ? `The classifier sees ${natural} in the natural bokeh, too, ${times}.`
    : `Fooled: ${natural} became ${adversarial}, ${times}.`;
}
