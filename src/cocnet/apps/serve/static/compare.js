// One photo through every renderer: cells fill as they come; what isn't there says why in its own cell.

import * as server from "./server.js";

const at = (id) => document.getElementById(id);
let running = null, unwanted = false; // unwanted: stopped before the server has named the job

export function listen(photo, options, say) {
  at("compare-start").addEventListener("click", () => start(photo(), options(), say));
  at("compare-stop").addEventListener("click", stop);
}

// For another photo: what was made of the last one goes.
export function clear() {
  stop();
  at("cells").replaceChildren();
  at("compare-lens").textContent = "";
}

function stop() {
  unwanted = true;
  if (running) server.cancel(running).catch(() => {});
}

async function start(photo, options, say) {
  let job = null;
  working(true);
  unwanted = false;
  try {
    job = await server.compare(photo.id, options);
    running = job.job;
    if (unwanted) stop();
    const items = job.names.map(waiting);
    at("cells").replaceChildren(...items);
    let shown = 0;
    while (true) {
      const found = await server.cells(job.job);
      if (found.settings) at("compare-lens").textContent = lens(found.settings);
      for (; shown < found.cells.length; shown++) fill(items[shown], found.cells[shown], job.job, shown);
      at("compare-progress").value = shown / items.length;
      if (!["waiting", "working"].includes(found.state)) { ended(found, items.slice(shown), say); break; }
      say(found.state === "waiting" ? `The comparison waits for its turn, ${found.before} before it …`
        : `Comparing: ${shown} of ${items.length} …`);
      await new Promise((done) => setTimeout(done, 300));
    }
  } catch (error) { say(error.message, true); }
  if (running === job?.job) running = null;
  working(false);
}

function working(on) {
  const focused = document.activeElement === at(on ? "compare-start" : "compare-stop");
  at("compare-start").hidden = on;
  at("compare-stop").hidden = at("compare-progress").hidden = !on;
  at("cells").setAttribute("aria-busy", on);
  if (focused) at(on ? "compare-stop" : "compare-start").focus();
}

function ended(found, left, say) {
  for (const item of left) item.lastChild.textContent = "not rendered";
  const missing = found.cells.filter((cell) => cell.error).length;
  if (found.state === "done") say(`${found.cells.length - missing} renderers compared, ${missing} can't be shown.`);
  else say(found.error ?? "Cancelled.", found.state === "failed");
}

function lens({ focal_length_mm, f_number, focus_m }) {
  const three = (number) => Number(number.value.toPrecision(3));
  return `Lens: ${three(focal_length_mm)} mm, f/${three(f_number)}, focus at ${three(focus_m)} m.`;
}

function waiting(name) {
  const item = document.createElement("li"), title = document.createElement("strong");
  title.textContent = name;
  item.append(title, line("waits"));
  return item;
}

function line(text) {
  const small = document.createElement("small");
  small.textContent = text;
  return small;
}

function fill(item, cell, number, index) {
  item.lastChild.remove();
  item.append(line([seconds(cell), parameters(cell.parameters)].filter(Boolean).join(", ")));
  if (cell.error) { item.append(line(cell.error)); return; }
  if (cell.reads.includes("lens")) item.append(line("same focus and lens"));
  item.append(...cell.notes.map(line));
  const link = document.createElement("a"), image = new Image(cell.width, cell.height);
  Object.assign(image, { src: server.cellPicture(number, index), alt: `The photo by ${cell.name}` });
  Object.assign(link, { href: image.src, target: "_blank" });
  link.append(image);
  item.prepend(link);
}

const seconds = (cell) => ("seconds" in cell ? `${cell.seconds < 0.1 ? cell.seconds.toFixed(3) : cell.seconds.toPrecision(2)} s` : "");

function parameters(count) {
  if (count === null) return "parameters unknown";
  return count === 0 ? "no parameters" : `${(count / 1e6).toFixed(2)} M parameters`;
}
