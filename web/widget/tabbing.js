/** Keeping the focus while we fill a phone's screen; loaded with the first key that is pressed there. */
const FOCUSABLE = "button, input, select, textarea, summary, a[href], [role=log]";

export default class Tabbing {
  constructor(widget) {
    this.widget = widget;
  }

  /** Beside a desktop's panel the page around stays reachable by Tab; over all of it, Tab goes round in here. */
  keep(event) {
    if (event.key !== "Tab") return;
    const all = [...this.widget.querySelectorAll(FOCUSABLE)].filter((one) => !one.disabled && one.offsetParent);
    const [from, to] = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    if (document.activeElement !== from) return;
    event.preventDefault();
    to.focus();
  }
}
