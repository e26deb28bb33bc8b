// Long work that fills cells: started, followed until it ends, stopped; the same for comparisons and attacks.

import * as server from "./server.js";

const at = (id) => document.getElementById(id);

// ids: start, stop, progress, cells. show(found, job): what is there so far; ended(found): what is said at the end.
export function follower(ids, { waits, works, show, ended }) {
  let running = null, unwanted = false; // unwanted: stopped before the server has named the job

  function stop() {
    unwanted = true;
    if (running) server.cancel(running).catch(() => {});
  }

  function working(on) {
    const focused = document.activeElement === at(on ? ids.start : ids.stop);
    at(ids.start).hidden = on;
    at(ids.stop).hidden = at(ids.progress).hidden = !on;
    at(ids.cells).setAttribute("aria-busy", on);
    if (focused) at(on ? ids.stop : ids.start).focus();
  }

  async function start(begun, say) {
    let job = null;
    working(true);
    unwanted = false;
    try {
      job = await begun();
      running = job.job;
      if (unwanted) stop();
      while (true) {
        const found = await server.cells(job.job);
        show(found, job);
        if (found.parts) at(ids.progress).value = found.done / found.parts; else at(ids.progress).removeAttribute("value");
        if (!["waiting", "working"].includes(found.state)) {
          if (found.state === "done") say(ended(found, job));
          else { ended(found, job); say(found.error ?? "Cancelled.", found.state === "failed"); }
          break;
        }
        say(found.state === "waiting" ? `${waits} waits for its turn, ${found.before} before it …` : works(found, job));
        await new Promise((done) => setTimeout(done, 300));
      }
    } catch (error) { say(error.message, true); }
    if (running === job?.job) running = null;
    working(false);
  }

  at(ids.stop).addEventListener("click", stop);
  return { start, stop };
}

export function line(text) {
  const small = document.createElement("small");
  small.textContent = text;
  return small;
}

// A cell's picture, which opens by itself on a click.
export function picture(cell, number, index, alt) {
  const link = document.createElement("a"), image = new Image(cell.width, cell.height);
  Object.assign(image, { src: server.cellPicture(number, index), alt });
  Object.assign(link, { href: image.src, target: "_blank" });
  link.append(image);
  return link;
}

export function item(name) {
  const made = document.createElement("li"), title = document.createElement("strong");
  title.textContent = name;
  made.append(title);
  return made;
}
