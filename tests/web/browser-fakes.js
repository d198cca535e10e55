// Stand-ins for what the browser gives the pages.

/** A server's end of the WebSocket: what was sent, and what to answer. */
export class Socket {
  static all = [];
  sent = [];
  closed = false;

  constructor(url) {
    this.url = url;
    Socket.all.push(this);
  }

  static get last() {
    return Socket.all.at(-1);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  types() {
    return this.sent.map(({ type }) => type);
  }
}

export class Storage {
  values = {};
  getItem = (key) => this.values[key] ?? null;
  setItem = (key, value) => (this.values[key] = value);
}
