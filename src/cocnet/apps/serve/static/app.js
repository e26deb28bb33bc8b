// The page: state is the photo and the options; whatever changes asks for one view, the last wish wins.

import * as attacking from "./attack.js";
import * as comparison from "./compare.js";
import * as saving from "./save.js";
import * as server from "./server.js";
import * as strip from "./strip.js";
import { build } from "./more.js";
import { tabs } from "./tabs.js";
import { before, fractions, frame, mark, picture, show, split } from "./view.js";

const at = (id) => document.getElementById(id);
const STOPS = Array.from({ length: 25 }, (_, n) => Number((2 ** (n / 6)).toPrecision(2))); // f/1 to f/16 in thirds
const FAST_PX = 720, FINE_PX = 1200, IDLE_MS = 350;
const state = { photo: null, focus: {}, opening: {}, place: null };
const parts = tabs(at("tabs"));
let more, wanted = null, busy = false, idle = 0;

function say(line, error = false) {
  at("status").textContent = line;
  at("status").classList.toggle("error", error);
}

function options() {
  return { ...more.given, ...state.focus, ...state.opening };
}

// Moving asks for a fast view, and for a fine one when nothing has moved for a while.
function move() {
  ask(true);
  clearTimeout(idle);
  idle = setTimeout(() => ask(false), IDLE_MS);
}

function ask(fast) {
  if (!state.photo) return;
  wanted = { fast, options: options(), longest: fast ? FAST_PX : FINE_PX, what: at("what").value };
  if (!busy) work();
}

async function work() {
  busy = true;
  frame.setAttribute("aria-busy", "true");
  while (wanted) {
    const given = wanted, id = state.photo?.id;
    wanted = null;
    if (!id) break;
    try {
      const found = await server.look(id, given);
      if (id !== state.photo?.id) continue;
      await show(picture, found.picture);
      told(found, given);
    } catch (error) { say(error.message, true); }
  }
  busy = false;
  frame.removeAttribute("aria-busy");
}

function told(found, given) {
  at("command").value = found.command;
  const used = found.settings;
  document.body.dataset.shown = JSON.stringify(given);
  if (!used.focus_m) return;
  const focus = used.focus_m.value;
  at("distance").textContent = metres(focus);
  at("strip").setAttribute("aria-valuetext", metres(focus));
  strip.show(state.photo.strip, focus, used.sharp_m, "focus_m" in state.focus);
  showOpening(used.f_number.value, used.blur);
  const [near, far] = used.sharp_m;
  say(`${used.focal_length_mm.value.toPrecision(3)} mm, f/${used.f_number.value.toPrecision(2)}, ` +
    `sharp from ${metres(near)} to ${far === null ? "infinity" : metres(far)}`);
}

const metres = (m) => (m < 1 ? `${Math.round(m * 100)} cm` : m < 100 ? `${m.toPrecision(3)} m` : `${Math.round(m)} m`);

// Of the two sliders, the one that is not being moved follows the other.
function showOpening(stop, blur) {
  const nearest = STOPS.reduce((a, b) => (Math.abs(Math.log(a / stop)) < Math.abs(Math.log(b / stop)) ? a : b));
  if (!("f_number" in state.opening)) at("stop").value = STOPS.indexOf(nearest);
  if (!("blur" in state.opening)) at("blur").value = Math.min(100, blur);
  at("stop-text").textContent = `f/${Number(stop.toPrecision(2))}`;
  at("stop").setAttribute("aria-valuetext", at("stop-text").textContent);
  at("blur-text").textContent = Math.round(blur);
}

function choose(opening) {
  state.opening = opening;
  move();
}

function focusOn(place) {
  focusAt({ focus_point: place.map((part) => Number(part.toFixed(5))) }, place);
}

function focusAt(focus, place = null) {
  Object.assign(state, { focus, place });
  mark(place);
  move();
}

async function open(promise) {
  say("Opening the photo and finding its depth …");
  try {
    const photo = await promise;
    if (state.photo) server.forget(state.photo.id).catch(() => {});
    Object.assign(state, { photo, focus: {}, opening: {}, place: null });
    more.set(photo.options);
    withoutDepth();
    for (const part of [saving, comparison, attacking]) part.clear();
    at("tabs").hidden = false;
    mark(null);
    for (const [id, there] of [["drop", false], ["view", true], ["controls", true]]) at(id).hidden = !there;
    frame.style.setProperty("--aspect", photo.width / photo.height); // of one size, however coarse the view is
    at("caption").textContent = `${photo.name}, ${photo.width} × ${photo.height} px, ${photo.bits} bit`;
    at("depth-text").textContent = photo.depth.source;
    at("split").value = 0;
    split(0);
    const original = await server.look(photo.id, { what: "original", options: options(), longest: FINE_PX });
    await show(before, original.picture);
    ask(false);
  } catch (error) { say(error.message, true); }
}

function withoutDepth() {
  at("depth-away").hidden = true;
  at("depth-file").value = "";
}

async function again() {
  try {
    Object.assign(state.photo, await server.facts(state.photo.id, more.given));
    at("depth-text").textContent = state.photo.depth.source;
    ask(false);
  } catch (error) { say(error.message, true); }
}

function listen() {
  frame.addEventListener("click", (event) => focusOn(fractions(event)));
  frame.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!by) return;
    event.preventDefault();
    const from = state.place ?? [0.5, 0.5];
    focusOn(from.map((part, n) => Math.min(1, Math.max(0, part + by[n]))));
  });
  at("stop").addEventListener("input", () => choose({ f_number: STOPS[at("stop").value] }));
  at("blur").addEventListener("input", () => choose({ blur: Number(at("blur").value) }));
  strip.listen((m) => focusAt({ focus_m: m }), (ends) => focusAt({ focus_range: ends }));
  at("auto").addEventListener("click", () => { state.focus = {}; state.place = null; mark(null); ask(false); });
  at("what").addEventListener("change", () => ask(false));
  at("split").addEventListener("input", () => split(Number(at("split").value)));
  const hold = (on) => { split(on ? 100 : Number(at("split").value)); at("hold").setAttribute("aria-pressed", on); };
  for (const name of ["pointerdown", "keydown"]) at("hold").addEventListener(name, (e) => {
    if (name === "pointerdown" || e.key === " " || e.key === "Enter") hold(true);
  });
  for (const name of ["pointerup", "pointerleave", "keyup", "blur"]) at("hold").addEventListener(name, () => hold(false));
  at("file").addEventListener("change", () => at("file").files[0] && open(server.upload(at("file").files[0])));
  at("depth-file").addEventListener("change", async () => {
    try {
      await server.sendDepth(state.photo.id, at("depth-file").files[0], more.given.depth_channel);
      if (!more.given.depth_kind) more.set({ ...more.given, depth_kind: "relative_disparity" });
      at("depth-away").hidden = false;
      await again();
    } catch (error) { say(error.message, true); }
  });
  at("depth-away").addEventListener("click", async () => {
    try {
      await server.dropDepth(state.photo.id);
      const { depth_kind: _, ...others } = more.given;
      more.set(others);
      withoutDepth();
      await again();
    } catch (error) { say(error.message, true); }
  });
  at("another").addEventListener("click", () => {
    at("drop").hidden = false;
    parts.first();
    at("view").hidden = at("controls").hidden = at("tabs").hidden = true;
    at("file").value = "";
  });
  // Beside the stage, too: a browser would open the file in place of the page.
  const over = (on) => at("stage").classList.toggle("over", on);
  addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  addEventListener("dragleave", () => over(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    if (more && event.dataTransfer.files[0]) open(server.upload(event.dataTransfer.files[0]));
  });
  for (const part of [saving, comparison, attacking]) part.listen(() => state.photo, options, say);
}

// What can be chosen comes from the server, whose first answer takes seconds; until then no photo is taken.
async function begin() {
  at("file").disabled = true;
  say("Starting …");
  try {
    const known = await server.about();
    at("file").accept = known.photos.join(",");
    at("depth-file").accept = known.depths.join(",");
    more = build(at("more"), known.options, known.names, again);
    for (const name of known.examples) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => open(server.example(name)));
      at("examples").append(button, " ");
    }
    at("file").disabled = false;
    say("Drop a photo, or choose an example.");
    document.body.dataset.ready = "yes";
  } catch (error) { say(`${error.message} Load the page again to try once more.`, true); }
}

listen();
begin();
