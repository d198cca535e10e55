/** The console's REST calls. Every failure becomes a RestError with a code the screen has words for. */

export class RestError extends Error {
  constructor(code, status = 0, message = code) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const CODES = { 401: "unauthorized", 403: "not_allowed", 404: "not_found", 413: "too_large", 415: "wrong_type", 429: "rate_limited" };

/** The word for a refusal: what the server said, else what the status says. */
export function errorCode(status, body) {
  const said = body && body.error && body.error.code;
  if (status === 401) return "unauthorized";
  return said || CODES[status] || (status >= 500 ? "server" : "bad_request");
}

async function request(method, path, { body, bearer, type = "application/json", fetcher = fetch } = {}) {
  const headers = { "X-Callserver": "1" };
  if (body !== undefined) headers["Content-Type"] = type;
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  let response;
  try {
    response = await fetcher(path, { method, headers, credentials: "same-origin", body });
  } catch {
    throw new RestError("offline");
  }
  if (!response.ok) {
    const answer = await response.json().catch(() => null);
    throw new RestError(errorCode(response.status, answer), response.status, answer?.error?.message);
  }
  return response;
}

const json = async (method, path, value, options = {}) => {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const response = await request(method, path, { ...options, body });
  return response.status === 204 ? null : response.json().catch(() => null);
};

export const login = (name, password) => json("POST", "/api/v1/login", { login: name, password }).then((a) => a.agent);
export const logout = () => json("POST", "/api/v1/logout");
export const me = () => json("GET", "/api/v1/me").then((answer) => answer.agent);
export const ticket = () => json("POST", "/api/v1/agent/tickets").then((answer) => answer.ticket);
export const call = (id) => json("GET", `/api/v1/calls/${encodeURIComponent(id)}`);

/** One page of the call list, newest first; `before` is created_at of the last row already shown. */
export function calls({ before, phase, limit = 30 } = {}) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (before !== undefined) query.set("before", String(before));
  if (phase) query.set("phase", phase);
  return json("GET", `/api/v1/calls?${query}`).then((answer) => answer.calls);
}

export async function uploadPhoto(callId, blob, bearer) {
  const path = `/api/v1/calls/${encodeURIComponent(callId)}/photos`;
  const response = await request("POST", path, { body: blob, type: blob.type, bearer });
  return response.json();
}

const recordingPath = (id) => `/api/v1/recordings/${encodeURIComponent(id)}`;
const callPath = (id) => `/api/v1/calls/${encodeURIComponent(id)}`;

export const recordings = (callId) => json("GET", `${callPath(callId)}/recordings`).then((answer) => answer.recordings);
export const recording = (id) => json("GET", recordingPath(id));
export const checkRecording = (id) => json("GET", `${recordingPath(id)}/check`);
export const deleteRecording = (id) => json("DELETE", recordingPath(id));
export const stills = (callId) => json("GET", `${callPath(callId)}/stills`).then((answer) => answer.stills);
/** Where one side plays from. */
export const mediaUrl = (id, side) => `${recordingPath(id)}/media?side=${encodeURIComponent(side)}`;

/** Work in the background: an export of a recording, the evidence of a call. {start, look, cancel, file}. */
function job(path) {
  const answer = ({ job: found }) => found;
  return {
    start: () => json("POST", path).then(answer),
    look: () => json("GET", path).then(answer),
    cancel: () => json("DELETE", path),
    file: `${path}/file`,
  };
}
export const exportOf = (id) => job(`${recordingPath(id)}/export`);
export const evidenceOf = (callId) => job(`${callPath(callId)}/evidence`);

/** A photo's bytes. `path` is ChatItem.photo; a bare id is understood as well. */
export async function photo(path, bearer) {
  const url = path.startsWith("/") ? path : `/api/v1/photos/${encodeURIComponent(path)}`;
  return (await request("GET", url, { bearer })).blob();
}
