// One photo through every renderer: cells fill as they come; what isn't there says why in its own cell.

import * as server from "./server.js";
import { follower, item, line, picture } from "./follow.js";

const at = (id) => document.getElementById(id);
let items = [], shown = 0;

const work = follower(
  { start: "compare-start", stop: "compare-stop", progress: "compare-progress", cells: "cells" },
  { waits: "The comparison", works: () => `Comparing: ${shown} of ${items.length} …`, show, ended });

export function listen(photo, options, say) {
  at("compare-start").addEventListener("click", () => work.start(async () => {
    const job = await server.compare(photo().id, options());
    items = job.names.map((name) => { const made = item(name); made.append(line("waits")); return made; });
    shown = 0;
    at("cells").replaceChildren(...items);
    return job;
  }, say));
}

// For another photo: what was made of the last one goes.
export function clear() {
  work.stop();
  at("cells").replaceChildren();
  at("compare-lens").textContent = "";
}

function show(found, job) {
  if (found.settings) at("compare-lens").textContent = lens(found.settings);
  for (; shown < found.cells.length; shown++) fill(items[shown], found.cells[shown], job.job, shown);
}

function ended(found) {
  for (const left of items.slice(shown)) left.lastChild.textContent = "not rendered";
  const missing = found.cells.filter((cell) => cell.error).length;
  return `${found.cells.length - missing} renderers compared, ${missing} can't be shown.`;
}

function lens({ focal_length_mm, f_number, focus_m }) {
  const three = (number) => Number(number.value.toPrecision(3));
  return `Lens: ${three(focal_length_mm)} mm, f/${three(f_number)}, focus at ${three(focus_m)} m.`;
}

function fill(place, cell, number, index) {
  place.lastChild.remove();
  place.append(line([seconds(cell), parameters(cell.parameters)].filter(Boolean).join(", ")));
  if (cell.error) { place.append(line(cell.error)); return; }
  if (cell.reads.includes("lens")) place.append(line("same focus and lens"));
  place.append(...cell.notes.map(line));
  place.prepend(picture(cell, number, index, `The photo by ${cell.name}`));
}

const seconds = (cell) => ("seconds" in cell ? `${cell.seconds < 0.1 ? cell.seconds.toFixed(3) : cell.seconds.toPrecision(2)} s` : "");

function parameters(count) {
  if (count === null) return "parameters unknown";
  return count === 0 ? "no parameters" : `${(count / 1e6).toFixed(2)} M parameters`;
}
