// A render at full size: started, followed until it ends, stopped; then links to what it made.

import * as server from "./server.js";

const at = (id) => document.getElementById(id);
let running = null, wanted = 0; // wanted: counts up where nobody waits for the last render any more

function working(on) {
  const focused = document.activeElement === at(on ? "save" : "cancel");
  at("save").disabled = on;
  at("progress").hidden = at("cancel").hidden = !on;
  if (focused) at(on ? "cancel" : "save").focus();
}

function stop() {
  if (running) server.cancel(running).catch(() => {});
}

// For another photo: what was made of the last one goes.
export function clear() {
  wanted++;
  stop();
  running = null;
  working(false);
  for (const id of ["picture-link", "settings-link"]) at(id).hidden = true;
}

export function listen(photo, options, say) {
  at("save").addEventListener("click", () => save(photo().id, options(), say));
  at("cancel").addEventListener("click", stop);
}

async function save(id, options, say) {
  clear();
  working(true);
  const mine = wanted;
  try {
    let job = await server.startRender(id, options);
    const number = job.job;
    if (mine !== wanted) { server.cancel(number).catch(() => {}); return; }
    running = number;
    while (["waiting", "working"].includes(job.state)) {
      const before = job.before ? `, ${job.before} before it` : "";
      say(job.state === "waiting" ? `The render waits for its turn${before} …` : "Rendering at full size …");
      if (job.parts) at("progress").value = job.done / job.parts; else at("progress").removeAttribute("value");
      await new Promise((done) => setTimeout(done, 300));
      job = await server.job(number);
      if (mine !== wanted) return;
    }
    if (job.state !== "done") { say(job.error ?? "Cancelled.", job.state === "failed"); return; }
    say(`${job.name} is ready.`);
    link("picture-link", `/api/jobs/${number}/file`, job.name);
    link("settings-link", `/api/jobs/${number}/settings`, `${job.name}.json`);
    at("picture-link").focus();
  } catch (error) {
    if (mine === wanted) say(error.message, true);
  } finally {
    if (mine === wanted) { running = null; working(false); }
  }
}

function link(id, path, name) {
  Object.assign(at(id), { href: path, download: name, hidden: false });
}
