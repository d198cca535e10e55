/** What is heard, wherever the agent is in the console: a call is not silenced by a look at the list. */
import { html, useEffect, useRef } from "../vendor/htm-preact.js";
import { liveCall, ringingCalls } from "../state.js";
import { useDesk } from "./context.js";

const SLOTS = ["audio", "audio_side"];

/** Every call's sound has its element while it rings (nothing is sent then): at the answer it plays already, and what is heard first does not wait for the call to be drawn. */
export function Sounds() {
  const { desk, state } = useDesk();
  const live = liveCall(state);
  const calls = [live, ...ringingCalls(state)].filter(Boolean);
  return calls.flatMap(({ call_id: id }) => SLOTS.map((slot) => {
    const stream = desk.lines.streams(id)[slot];
    return stream && html`<${Sound} key=${`${id} ${slot}`} stream=${stream} live=${id === live?.call_id} />`;
  }));
}

function Sound({ stream, live }) {
  const { desk } = useDesk();
  const ref = useRef(null);
  useEffect(() => {
    const element = ref.current;
    const fresh = element.srcObject !== stream;
    if (fresh) element.srcObject = stream;
    if (fresh || element.paused) desk.play(element); // refused before a click: the answer is one
  }, [stream, live]);
  return html`<audio ref=${ref} autoplay></audio>`;
}
