/** Line icons, 24 x 24, drawn for this console. Decorative: the button beside them carries the name. */

import { html } from "./vendor/htm-preact.js";

const PATHS = {
  phone: "M6.6 3.5 9 4l1.2 3.6-1.8 1.6a12 12 0 0 0 6.4 6.4l1.6-1.8L20 15l.5 2.4c.2 1-.5 2-1.5 2.1C10.8 20 4 13.2 4.5 5c.1-1 1.1-1.7 2.1-1.5Z",
  hangup: "M3.5 14.2c-.6-.9-.5-2.1.3-2.8a12 12 0 0 1 16.4 0c.8.7.9 1.9.3 2.8l-1 1.4-3.7-1.2-.4-2.4a11 11 0 0 0-6.8 0l-.4 2.4-3.7 1.2Z",
  mic: "M12 3.5a2.5 2.5 0 0 1 2.5 2.5v5.5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5ZM6 11.5a6 6 0 0 0 12 0M12 17.5v3",
  micOff: "M14.5 9.5V6a2.5 2.5 0 0 0-4.9-.7M9.5 10v1.5a2.5 2.5 0 0 0 3.9 2.1M6 11.5a6 6 0 0 0 9.6 4.8M18 11.5c0 .9-.2 1.7-.5 2.4M12 17.5v3M4 4l16 16",
  camera: "M5 6.5h8.5A1.5 1.5 0 0 1 15 8v8a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 16V8A1.5 1.5 0 0 1 5 6.5ZM15 11l5.5-3.5v9L15 13",
  cameraOff: "M9.5 6.5h4A1.5 1.5 0 0 1 15 8v4M15 16a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 16V8c0-.7.4-1.2 1-1.4M15 11l5.5-3.5v9L17 14.3M4 4l16 16",
  pause: "M8.5 5v14M15.5 5v14",
  play: "M7.5 5v14l11-7Z",
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  send: "M4 12 20 4.5 15.5 20l-3.5-6.5Z",
  photo: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v11A1.5 1.5 0 0 1 19 19H5a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 5 5ZM4 16l4.5-4.5 4 4 3-3 4.5 4.5M15 9.5h.01",
  check: "M5 12.5 10 17.5 19.5 7",
  shield: "M12 3.5 19 6v5.5c0 4.2-2.8 7.4-7 9-4.2-1.6-7-4.8-7-9V6ZM8.8 12l2.3 2.3 4.2-4.4",
  warning: "M12 4 21 19.5H3ZM12 10v4.5M12 17.2h.01",
  close: "M6 6l12 12M18 6 6 18",
  bell: "M6.5 10a5.5 5.5 0 0 1 11 0c0 5 2 6 2 6h-15s2-1 2-6ZM10 19.5a2.2 2.2 0 0 0 4 0",
  bellOff: "M8 6.2A5.5 5.5 0 0 1 17.5 10c0 1.6.2 2.8.5 3.7M15.5 16h-11s2-1 2-6M10 19.5a2.2 2.2 0 0 0 4 0M4 4l16 16",
  speaker: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  desk: "M4.5 13v-1a7.5 7.5 0 0 1 15 0v1M4.5 13h3v6h-1.5a1.5 1.5 0 0 1-1.5-1.5ZM19.5 13h-3v6H18a1.5 1.5 0 0 0 1.5-1.5Z",
  list: "M8.5 6.5h11M8.5 12h11M8.5 17.5h11M4.5 6.5h.01M4.5 12h.01M4.5 17.5h.01",
  back: "M14.5 6 8.5 12l6 6",
  chevron: "M9.5 6l6 6-6 6",
  down: "M6 9.5l6 6 6-6",
  download: "M12 4v11M7.5 11l4.5 4.5L16.5 11M5 19.5h14",
  retry: "M19 12a7 7 0 1 1-2-4.9M19.5 4v4.5H15",
  star: "M12 4l2.4 5.1 5.6.7-4.1 3.8 1.1 5.5-5-2.8-5 2.8 1.1-5.5L4 9.8l5.6-.7Z",
  user: "M12 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM5 20a7 7 0 0 1 14 0",
  chat: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 19 16h-7l-4.5 4v-4H5a1.5 1.5 0 0 1-1.5-1.5v-8A1.5 1.5 0 0 1 5 5Z",
  clock: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16ZM12 7.5V12l3 2",
  link: "M10 14l8.5-8.5M13 5.5h5.5V11M17 14v4a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 5 18V9a1.5 1.5 0 0 1 1.5-1.5h4",
  signal: "M5 19v-4M10 19v-8M15 19V7M20 19V4",
  record: "M12 6.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11Z",
  stop: "M7.5 7.5h9v9h-9Z",
  shutter: "M4 8h3.5L9 5.5h6L16.5 8H20a.5.5 0 0 1 .5.5v10a.5.5 0 0 1-.5.5H4a.5.5 0 0 1-.5-.5v-10A.5.5 0 0 1 4 8ZM12 10.2a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4Z",
  film: "M4.5 5h15v14h-15ZM8.5 5v14M15.500 5v14M4.5 9.700h4M4.5 14.300h4M15.500 9.700h4M15.500 14.300h4",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.300 10.500v5.500M13.700 10.500v5.500",
  logout: "M14 5H6.5A1.5 1.5 0 0 0 5 6.5v11A1.5 1.5 0 0 0 6.5 19H14M10 12h10M16.5 8.5 20 12l-3.5 3.5",
};

const FLIPS = new Set(["back", "chevron", "send", "logout"]); // these point along the line of reading
const SOLID = new Set(["play", "hangup", "phone", "record", "stop"]);

export function Icon({ name, size = 20 }) {
  const kind = `icon${FLIPS.has(name) ? " flips" : ""}${SOLID.has(name) ? " solid" : ""}`;
  const style = { inlineSize: `${size}px`, blockSize: `${size}px` };
  return html`<svg class=${kind} style=${style} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
