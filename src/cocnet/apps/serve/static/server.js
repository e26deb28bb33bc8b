// Requests to the server: what comes back is plain data, or a picture with facts; errors carry the server's own line.

const BUSY = 429, TRIES = 20, PAUSE_MS = 500;

async function asked(path, options = {}) {
  let answer;
  for (let tries = 1; ; tries++) {
    try { answer = await fetch(path, options); } catch {
      throw new Error("expected an answer of the server, got none, try whether cocnet serve still runs");
    }
    if (answer.status !== BUSY || tries === TRIES) break;
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  if (answer.ok) return answer;
  let line = `${answer.status}`;
  try { const { detail } = await answer.json(); line = typeof detail === "string" ? detail : line; } catch { /* no JSON */ }
  throw new Error(line);
}

const asJson = (given) => ({
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(given),
});

export const about = async () => (await asked("/api/about")).json();
export const upload = async (file) =>
  (await asked(`/api/photos?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file })).json();
export const example = async (name) => (await asked(`/api/examples/${name}`, { method: "POST" })).json();
export const forget = async (id) => asked(`/api/photos/${id}`, { method: "DELETE" });
export const dropDepth = async (id) => asked(`/api/photos/${id}/depth`, { method: "DELETE" });
export const sendDepth = async (id, file, channel) => {
  const asks = new URLSearchParams({ name: file.name, ...(channel ? { channel } : {}) });
  return (await asked(`/api/photos/${id}/depth?${asks}`, { method: "POST", body: file })).json();
};
export const facts = async (id, options) => (await asked(`/api/photos/${id}/facts`, asJson({ options }))).json();
export const startRender = async (id, options) =>
  (await asked(`/api/photos/${id}/renders`, asJson({ options }))).json();
export const job = async (number) => (await asked(`/api/jobs/${number}`)).json();
export const cancel = async (number) => asked(`/api/jobs/${number}`, { method: "DELETE" });

export const compare = async (id, options) => (await asked(`/api/photos/${id}/comparisons`, asJson({ options }))).json();
export const attacks = async () => (await asked("/api/attacks")).json();
export const attack = async (id, given) => (await asked(`/api/photos/${id}/attacks`, asJson(given))).json();
export const cells = async (number) => (await asked(`/api/jobs/${number}/cells`)).json();
export const cellPicture = (number, cell) => `/api/jobs/${number}/cells/${cell}`;

export async function look(id, given) {
  const answer = await asked(`/api/photos/${id}/look`, asJson(given));
  return { picture: await answer.blob(), ...JSON.parse(answer.headers.get("x-facts")) };
}
