// The picture on the screen: where a click lies in it, the point, the original above it.

const frame = document.getElementById("frame");
const picture = document.getElementById("picture");
const before = document.getElementById("before");
const point = document.getElementById("point");
let urls = {};

export function show(image, blob) {
  const url = URL.createObjectURL(blob);
  const old = urls[image.id];
  urls[image.id] = url;
  return new Promise((done) => {
    image.onload = () => { if (old) URL.revokeObjectURL(old); done(); };
    image.src = url;
  });
}

// Fractions of width and height from the top left corner. The image element is exactly its content (no letterbox):
// its box keeps the picture's aspect, so the box is all that is needed, however it is zoomed or scrolled.
export function fractions(event) {
  const box = picture.getBoundingClientRect();
  const part = (value, size) => Math.min(1, Math.max(0, value / size));
  return [part(event.clientX - box.left, box.width), part(event.clientY - box.top, box.height)];
}

export function mark(place) {
  point.hidden = !place;
  if (!place) return;
  point.style.left = `${place[0] * 100}%`;
  point.style.top = `${place[1] * 100}%`;
}

export function split(share) {
  before.hidden = share <= 0;
  before.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
}

export { frame, picture, before };
