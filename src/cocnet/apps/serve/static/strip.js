// The depth strip: how much of the photo lies at which depth, far left, near right; what is sharp is marked. A click
// focuses, a drag keeps all between its ends sharp, and so do the two fields of numbers below it.

const at = (id) => document.getElementById(id);
const canvas = at("histogram");
const GRIP_PX = 8, LEAST_PX = 4, LEAST_INVERSE = 1e-4;
let shape = null, sharp = null; // depths of the photo; near and far end of what is sharp, m, far null: infinity

const short = (m) => Number(m.toPrecision(4));
const share = (m) => ((m === null ? 0 : 1 / m) - shape.farthest) / (shape.nearest - shape.farthest || 1);
const metresAt = (part) =>
  short(1 / Math.max(LEAST_INVERSE, shape.farthest + (shape.nearest - shape.farthest) * part));

export function listen(onFocus, onRange) {
  let from = null, moved = false;
  const part = (event) => {
    const box = canvas.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!shape) return;
    canvas.setPointerCapture(event.pointerId);
    from = held(part(event)) ?? part(event);
    moved = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const to = part(event);
    moved ||= Math.abs(to - from) * canvas.clientWidth >= LEAST_PX;
    const near = metresAt(Math.max(from, to)), far = metresAt(Math.min(from, to));
    if (moved && near < far) onRange([near, far]);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (from !== null && !moved) onFocus(metresAt(part(event)));
    from = null;
  });
  canvas.addEventListener("pointercancel", () => { from = null; });
  at("strip").addEventListener("input", () => onFocus(metresAt(at("strip").value / 1000)));
  for (const id of ["near", "far"]) at(id).addEventListener("change", () => {
    onRange([Number(at("near").value), Number(at("far").value) || metresAt(0)]);
  });
}

// The end of the marked range that stays where the other one is taken hold of; null where none is.
function held(part) {
  if (!sharp) return null;
  const [near, far] = sharp.map(share), reach = GRIP_PX / canvas.clientWidth;
  if (Math.abs(part - near) <= reach) return Math.max(0, far);
  return Math.abs(part - far) <= reach ? Math.min(1, near) : null;
}

// chosen: the focus is a distance on the strip, which then stays where it is.
export function show(depths, focus, ends, chosen) {
  [shape, sharp] = [depths, ends];
  if (!chosen) at("strip").value = Math.round(1000 * share(focus));
  for (const [id, m] of [["near", ends[0]], ["far", ends[1]]]) {
    if (document.activeElement !== at(id)) at(id).value = m === null ? "" : Number(m.toPrecision(3));
  }
  draw(focus, ends);
}

function draw(focus, [near, far]) {
  const pen = canvas.getContext("2d"), { width, height } = canvas, style = getComputedStyle(document.body);
  const most = Math.max(...shape.counts), count = shape.counts.length;
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = style.getPropertyValue("--line");
  shape.counts.forEach((n, i) => {
    const tall = height * Math.sqrt(n / most);
    pen.fillRect(i * width / count, height - tall, width / count, tall);
  });
  pen.fillStyle = style.getPropertyValue("--mark");
  pen.globalAlpha = 0.35;
  pen.fillRect(width * share(far), 0, Math.max(2, width * (share(near) - share(far))), height);
  pen.globalAlpha = 1;
  pen.fillRect(width * share(focus) - 1, 0, 2, height);
}
