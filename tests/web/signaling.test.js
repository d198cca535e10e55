import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { Signaling } from "../../web/shared/signaling.js";
import { Socket, Storage } from "./browser-fakes.js";

const WELCOME = {
  type: "welcome", seq: 1, session_id: "s1", resume_token: "r1", resume_window: 60, heartbeat: 5, photo_token: "p1",
  snapshot: { role: "customer", person: {} },
};
const resumed = (seq, replayed) => ({ type: "resumed", seq, session_id: "s1", replayed, snapshot: WELCOME.snapshot });
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

let heard;
let states;

/** A client whose events are noted, started. */
async function start(ticket = async () => "t1") {
  const signaling = new Signaling({ url: "ws://host/ws/v1", ticket });
  heard = [];
  states = [];
  signaling.addEventListener("message", ({ detail }) => heard.push(detail));
  signaling.addEventListener("state", ({ detail }) => states.push(detail.code ? `${detail.state}:${detail.code}` : detail.state));
  signaling.start();
  await settle();
  return signaling;
}

async function opened() {
  const signaling = await start();
  Socket.last.onopen();
  Socket.last.say(WELCOME);
  return signaling;
}

/** Lose the connection and let the client come back at once. */
async function reconnect() {
  Socket.last.onclose({ code: 1006 });
  mock.timers.tick(0);
  await settle();
  Socket.last.onopen();
}

describe("signaling", () => {
  beforeEach(() => {
    Socket.all = [];
    globalThis.WebSocket = Socket;
    globalThis.sessionStorage = new Storage();
    mock.timers.enable({ apis: ["setTimeout"] });
    mock.method(Math, "random", () => 1);
  });

  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  test("says hello with a ticket and is open after the welcome", async () => {
    const signaling = await opened();
    assert.deepEqual(Socket.last.sent[0], { type: "hello", ticket: "t1", version: 1 });
    assert.deepEqual(states, ["connecting", "open"]);
    assert.equal(signaling.session.photo_token, "p1");
    assert.equal(heard[0].type, "welcome");
  });

  test("keeps what is sent before it is open, in order", async () => {
    const signaling = await start();
    signaling.send({ type: "call.start" });
    signaling.send({ type: "chat.send", text: "x" });
    Socket.last.onopen();
    assert.deepEqual(Socket.last.types(), ["hello"]);
    Socket.last.say(WELCOME);
    assert.deepEqual(Socket.last.types(), ["hello", "call.start", "chat.send", "ping"]);
  });

  test("keeps a bounded number of messages and says when one is dropped", async () => {
    const signaling = await start();
    for (let count = 0; count < 100; count += 1) assert.equal(signaling.send({ type: "chat.send" }), true);
    assert.equal(signaling.send({ type: "chat.send" }), false);
  });

  test("does not keep what is worth nothing later", async () => {
    const signaling = await start();
    assert.equal(signaling.send({ type: "quality.report" }), false);
    Socket.last.onopen();
    Socket.last.say(WELCOME);
    assert.equal(Socket.last.types().includes("quality.report"), false);
  });

  test("acknowledges the highest seq in its ping", async () => {
    await opened();
    Socket.last.say({ type: "call.updated", seq: 7, call: {} });
    mock.timers.tick(5000);
    assert.equal(Socket.last.sent.at(-1).ack, 7);
  });

  test("tells the round trip of a pong", async () => {
    const signaling = await opened();
    const rtts = [];
    signaling.addEventListener("rtt", ({ detail }) => rtts.push(detail));
    Socket.last.say({ type: "pong", t: Socket.last.sent.at(-1).t });
    assert.equal(rtts.length, 1);
    assert.ok(rtts[0] >= 0);
  });

  test("is dead after three missed pongs, and resumes", async () => {
    await opened();
    const first = Socket.last;
    for (let beat = 0; beat < 3; beat += 1) mock.timers.tick(5000);
    assert.equal(first.closed, true);
    assert.equal(states.at(-1), "reconnecting");
    mock.timers.tick(0);
    await settle();
    Socket.last.onopen();
    assert.deepEqual(Socket.last.sent[0], { type: "resume", token: "r1", last_seq: 1, fresh: false, version: 1 });
  });

  test("lives as long as pongs come", async () => {
    await opened();
    for (let beat = 0; beat < 10; beat += 1) {
      Socket.last.say({ type: "pong", t: Socket.last.sent.at(-1).t });
      mock.timers.tick(5000);
    }
    assert.equal(Socket.all.length, 1);
  });

  test("sends again after a resume what no pong has confirmed", async () => {
    const signaling = await opened();
    signaling.send({ type: "chat.send", id: "a", call_id: "c" });
    mock.timers.tick(5000);
    Socket.last.say({ type: "pong", t: Socket.last.sent.at(-1).t });
    signaling.send({ type: "chat.send", id: "b", call_id: "c" });
    await reconnect();
    Socket.last.say(resumed(1, true));
    assert.deepEqual(Socket.last.sent.filter(({ type }) => type === "chat.send").map(({ id }) => id), ["b"]);
  });

  test("a message is confirmed by the pong of its own ping, not only by the next beat's", async () => {
    const signaling = await opened();
    signaling.send({ type: "chat.send", id: "a", call_id: "c" });
    Socket.last.say({ type: "pong", t: Socket.last.sent.at(-1).t });
    await reconnect();
    Socket.last.say(resumed(1, true));
    assert.deepEqual(Socket.last.types(), ["resume", "ping"]);
  });

  test("a start that made a call is not sent again", async () => {
    const signaling = await opened();
    signaling.send({ type: "call.start" });
    await reconnect();
    Socket.last.say({ ...resumed(1, true), snapshot: { ...WELCOME.snapshot, call: { call_id: "c" } } });
    assert.deepEqual(Socket.last.types(), ["resume", "ping"]);
  });

  test("many messages at once are not mistaken for missed pongs", async () => {
    const signaling = await opened();
    for (let count = 0; count < 10; count += 1) signaling.send({ type: "chat.send" });
    mock.timers.tick(5000);
    assert.equal(Socket.all.length, 1);
    assert.equal(signaling.state, "open");
  });

  test("passes replayed messages on once", async () => {
    await opened();
    Socket.last.say({ type: "call.updated", seq: 2, call: {} });
    await reconnect();
    Socket.last.say(resumed(2, true));
    for (const seq of [2, 3, 4]) Socket.last.say({ type: "chat.added", seq });
    assert.deepEqual(heard.filter(({ type }) => type === "chat.added").map(({ seq }) => seq), [3, 4]);
  });

  test("takes the server's count where nothing is replayed", async () => {
    await opened();
    Socket.last.say({ type: "call.updated", seq: 50, call: {} });
    await reconnect();
    Socket.last.say(resumed(10, false));
    Socket.last.say({ type: "chat.added", seq: 11 });
    assert.equal(heard.at(-1).seq, 11);
  });

  test("a refreshed page resumes as fresh", async () => {
    await opened();
    await start();
    Socket.last.onopen();
    assert.deepEqual(Socket.last.sent[0], { type: "resume", token: "r1", last_seq: 0, fresh: true, version: 1 });
  });

  test("a session that is over is begun anew, without messages for its calls", async () => {
    const signaling = await opened();
    signaling.send({ type: "call.hangup", call_id: "c" });
    signaling.send({ type: "agent.status", status: "ready" });
    await reconnect();
    Socket.last.onclose({ code: 4003 });
    mock.timers.tick(5000);
    await settle();
    Socket.last.onopen();
    assert.equal(Socket.last.sent[0].type, "hello");
    Socket.last.say(WELCOME);
    assert.deepEqual(Socket.last.types(), ["hello", "agent.status", "ping"]);
  });

  test("tries often at first, then backs off up to five seconds", async () => {
    await opened();
    Socket.last.onclose({ code: 1006 });
    const waits = [];
    for (let attempt = 0; attempt < 15; attempt += 1) {
      let waited = 0;
      const before = Socket.all.length;
      for (; Socket.all.length === before && waited <= 6000; waited += 250) {
        mock.timers.tick(waited ? 250 : 0);
        await settle();
      }
      waits.push(waited - 250);
      Socket.last.onclose({ code: 1006 });
    }
    assert.deepEqual(waits, [0, 500, ...Array(10).fill(1000), 5000, 5000, 5000]);
  });

  test("a nudge while waiting connects at once", async () => {
    const signaling = await opened();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      Socket.last.onclose({ code: 1006 });
      mock.timers.tick(5000);
      await settle();
    }
    Socket.last.onclose({ code: 1006 });
    const before = Socket.all.length;
    signaling.nudge();
    await settle();
    assert.equal(Socket.all.length, before + 1);
  });

  test("a nudge while open finds a dead connection in two seconds", async () => {
    const signaling = await opened();
    Socket.last.say({ type: "pong", t: Socket.last.sent.at(-1).t });
    signaling.nudge();
    mock.timers.tick(2000);
    assert.equal(states.at(-1), "reconnecting");
  });

  describe("networks", () => {
    let listeners;
    let link;
    let moves;
    const target = () => ({
      addEventListener: (name, act) => (listeners[name] = act),
      removeEventListener: (name) => delete listeners[name],
    });

    beforeEach(() => {
      listeners = {};
      moves = [];
      link = { type: "wifi", ...target() };
      Object.assign(globalThis, target());
      Object.defineProperty(globalThis, "navigator", { value: { onLine: true, connection: link }, configurable: true });
      globalThis.document = { visibilityState: "visible", ...target() };
    });

    afterEach(() => {
      for (const name of ["addEventListener", "removeEventListener", "document", "navigator"]) delete globalThis[name];
    });

    const openedHere = async () => {
      const signaling = await opened();
      signaling.addEventListener("state", ({ detail }) => moves.push([detail.state, Boolean(detail.moved)]));
      return signaling;
    };

    const comesBack = async () => {
      mock.timers.tick(0);
      await settle();
      Socket.last.onopen();
      Socket.last.say(resumed(1, true));
    };

    test("another network means a new connection at once, and says so", async () => {
      await openedHere();
      link.type = "cellular";
      listeners.change();
      assert.equal(Socket.all[0].closed, true);
      await comesBack();
      assert.equal(Socket.last.sent[0].type, "resume");
      assert.deepEqual(moves, [["reconnecting", true], ["open", true]]);
      Socket.last.onclose({ code: 1006 });
      await comesBack();
      assert.deepEqual(moves.slice(2), [["reconnecting", false], ["open", false]], "told once");
    });

    test("a new estimate of the same network only makes sure that the connection lives", async () => {
      await openedHere();
      listeners.change();
      assert.equal(Socket.all.length, 1);
      assert.equal(Socket.last.types().at(-1), "ping");
      assert.deepEqual(moves, []);
    });

    test("coming online does not wait for an attempt begun on the dead network", async () => {
      await openedHere();
      Socket.last.onclose({ code: 1006 });
      mock.timers.tick(0);
      await settle();
      const stuck = Socket.last;
      listeners.online();
      await comesBack();
      assert.equal(stuck.closed, true);
      assert.equal(Socket.all.length, 3);
      assert.deepEqual(moves.at(-1), ["open", true]);
    });

    for (const event of ["offline", "change"]) {
      test(`without a network nothing is written before the close, which would wait behind it (${event} comes first)`, async () => {
        await openedHere();
        const written = Socket.all[0].sent.length;
        navigator.onLine = false;
        listeners[event]();
        assert.equal(Socket.all[0].closed, true);
        assert.equal(Socket.all[0].sent.length, written);
        assert.deepEqual(moves, [["reconnecting", true]]);
        navigator.onLine = true;
        listeners.online();
        await comesBack();
        assert.deepEqual(moves.at(-1), ["open", true]);
      });
    }

    test("a closed session does not listen any more", async () => {
      const signaling = await openedHere();
      signaling.close();
      assert.deepEqual(listeners, {});
    });
  });

  test("a socket that never opens is given up", async () => {
    await start();
    mock.timers.tick(8000);
    assert.equal(Socket.last.closed, true);
    mock.timers.tick(0);
    await settle();
    assert.equal(Socket.all.length, 2);
  });

  test("a refused ticket ends it, a failed request is tried again", async () => {
    const signaling = await start(async () => Promise.reject(Object.assign(new Error(), { code: "not_allowed" })));
    assert.deepEqual(states, ["connecting", "refused:not_allowed"]);
    assert.equal(signaling.state, "refused");
    let asked = 0;
    await start(async () => Promise.reject(new TypeError((asked += 1))));
    assert.equal(states.at(-1), "reconnecting");
    mock.timers.tick(0);
    await settle();
    assert.equal(asked, 2);
  });

  test("a bad ticket is replaced once", async () => {
    await start();
    Socket.last.onclose({ code: 4001 });
    mock.timers.tick(0);
    await settle();
    assert.equal(Socket.all.length, 2);
    Socket.last.onclose({ code: 4001 });
    assert.equal(states.at(-1), "refused:bad_ticket");
  });

  test("leaves the session to another tab that took it", async () => {
    await opened();
    Socket.last.onclose({ code: 4002 });
    mock.timers.tick(60_000);
    assert.equal(states.at(-1), "replaced");
    assert.equal(Socket.all.length, 1);
  });

  test("a page too old for the server does not try for ever", async () => {
    await start();
    Socket.last.onclose({ code: 4000 });
    mock.timers.tick(60_000);
    assert.equal(states.at(-1), "refused:version");
    assert.equal(Socket.all.length, 1);
  });

  test("closed means forgotten and quiet", async () => {
    const signaling = await opened();
    signaling.close();
    mock.timers.tick(60_000);
    assert.equal(Socket.all.length, 1);
    assert.equal(sessionStorage.getItem("callserver.session"), "null");
  });

  test("works where storage is blocked", async () => {
    delete globalThis.sessionStorage;
    const signaling = await opened();
    assert.equal(signaling.state, "open");
  });
});
