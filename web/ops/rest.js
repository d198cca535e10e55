/** The operator's REST calls. Every failure becomes a RestError with a code the page has words for. */
import { RestError, errorCode } from "../console/rest.js";

export { login, logout, me } from "../console/rest.js";

export async function ask(method, path, body, { fetcher = fetch, signal } = {}) {
  const headers = { "X-Callserver": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, credentials: "same-origin", body: body && JSON.stringify(body), signal };
  let response;
  try {
    response = await fetcher(path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new RestError("offline");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new RestError(errorCode(response.status, answer), response.status, answer?.error?.message);
  return answer;
}

const id = encodeURIComponent;
export const live = (signal, after) => ask("GET", `/api/v1/ops/live${after === undefined ? "" : `?after=${after}`}`, undefined, { signal });
export const alerts = () => ask("GET", "/api/v1/ops/alerts");
export const silence = (rule, subject, seconds) => ask("POST", "/api/v1/ops/alerts/silence", { rule, subject, seconds });
export const acknowledge = (rule, subject) => ask("POST", "/api/v1/ops/alerts/acknowledge", { rule, subject });
export const call = (callId) => ask("GET", `/api/v1/calls/${id(callId)}`);
export const quality = (callId, points) => ask("GET", `/api/v1/calls/${id(callId)}/quality?points=${points}`);
export const history = (filter) => ask("GET", `/api/v1/ops/history?${new URLSearchParams(filter)}`);
