/** The view of an agent: of the call (shared/call-state.js), of what rings, and of the desk around them. Pure, too. */
import { initial as initialView, reduce, upsert, withChat, withDefaults } from "../shared/call-state.js";

export const initial = { ...initialView, status: "", waiting: 0, incoming: [], gone: null, drainUntil: 0 };

export function reduceAgent(view, message) {
  const { type, call_id } = message;
  switch (type) {
    case "welcome":
    case "resumed":
      return withDesk(reduce(view, message), message.snapshot);
    case "call.incoming":
      return { ...view, incoming: upsert(view.incoming, withDefaults(message.call), "call_id") };
    case "call.gone":
      return { ...view, incoming: without(view.incoming, call_id), gone: { call_id, reason: message.reason } };
    case "server.draining":
      return { ...view, drainUntil: message.until };
    case "agent.state":
      return { ...view, status: message.status, waiting: message.waiting };
    case "call.updated":
      return withCall(view, message.call);
    case "chat.added": // also while it rings: the customer writes while waiting
      return { ...reduce(view, message), incoming: view.incoming.map((call) => withChat(call, call_id, message.item)) };
    default:
      return reduce(view, message);
  }
}

function withDesk(view, { status = "", waiting = 0, incoming = [] }) {
  return { ...view, status, waiting, incoming: incoming.map(withDefaults) };
}

/** A ringing call that changes still rings; one that is answered brings along what was written while it rang. */
function withCall(view, call) {
  const { call_id, phase } = call;
  const rings = view.call?.call_id !== call_id && view.incoming.find((one) => one.call_id === call_id);
  if (rings && phase === "ringing") {
    return { ...view, incoming: upsert(view.incoming, withDefaults(call), "call_id") };
  }
  const next = reduce(view, { type: "call.updated", call: rings ? { ...call, chat: rings.chat } : call });
  return next === view ? view : { ...next, incoming: without(view.incoming, call_id) };
}

const without = (calls, call_id) => calls.filter((one) => one.call_id !== call_id);
