import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { Peer } from "../../web/shared/peer.js";

const SLOTS = { 0: "audio", 1: "camera", 2: "main", 3: "side", 4: "audio_side" };

/** As much of a browser's connection as Peer touches. */
class Connection {
  static all = [];
  connectionState = "new";
  closed = false;
  lines = Object.keys(SLOTS).map((mid) => ({
    mid,
    direction: "recvonly",
    receiver: { track: { mid }, jitterBufferTarget: null, getStats: () => this.getVoice() },
    sender: {
      track: null,
      replaceTrack: async (track) => (this.lines[mid].sender.track = track),
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async (parameters) => (this.lines[mid].sender.parameters = parameters),
    },
  }));

  constructor(settings) {
    this.settings = settings;
    Connection.all.push(this);
  }

  async setRemoteDescription({ sdp }) {
    if (sdp === "bad") throw new Error("bad sdp");
    this.remote = sdp;
  }

  getConfiguration() {
    return this.settings;
  }

  setConfiguration(settings) {
    this.settings = settings;
  }

  async createAnswer() {
    return { type: "answer", sdp: `answer to ${this.remote}` };
  }

  async setLocalDescription() {}

  async getStats() {
    this.at = (this.at ?? 0) + 5000;
    return new Map([["in", { type: "inbound-rtp", kind: "audio", timestamp: this.at, bytesReceived: this.at }]]);
  }

  /** Ten packets are lost every two seconds. */
  async getVoice() {
    this.heardAt = (this.heardAt ?? 0) + 2000;
    const packetsLost = this.clean ? 10 : this.heardAt / 200;
    return new Map([["in", { type: "inbound-rtp", kind: "audio", timestamp: this.heardAt, packetsLost }]]);
  }

  getTransceivers() {
    return this.lines;
  }

  enter(state) {
    this.connectionState = state;
    this.onconnectionstatechange();
  }

  close() {
    this.closed = true;
  }
}

const track = (name) => ({
  name,
  enabled: true,
  stopped: false,
  clone() {
    return { ...track(`${name}'`), stop() { this.stopped = true; } };
  },
});
const offer = (leg_id, generation = 0, sdp = `${leg_id}.${generation}`) => ({ leg_id, generation, sdp, slots: SLOTS });

/** Connected, and what measures it has been loaded. */
async function connect(connection) {
  connection.enter("connected");
  await import("../../web/shared/monitor.js");
  for (let turn = 0; turn < 9; turn += 1) await Promise.resolve();
}

/** The next look at what the connection carries, half a second later. */
async function look() {
  clock += 500;
  mock.timers.tick(500);
  await new Promise((resolve) => realImmediate(resolve));
}

let clock = 0;
const realImmediate = setImmediate;
let sent;
let peer;
let streams;

describe("peer", () => {
  beforeEach(() => {
    Connection.all = [];
    globalThis.RTCPeerConnection = Connection;
    globalThis.MediaStream = class {
      constructor(tracks) {
        this.tracks = tracks;
      }
    };
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    mock.method(performance, "now", () => clock);
    sent = [];
    streams = [];
    peer = new Peer({ send: (message) => sent.push(message) });
    peer.addEventListener("streams", ({ detail }) => streams.push(detail));
  });

  afterEach(() => {
    peer.close();
    mock.timers.reset();
    mock.restoreAll();
  });

  const asked = () => sent.filter(({ type }) => type === "leg.restart").map(({ leg_id, replace }) => [leg_id, replace]);

  test("answers an offer with its sources in the lines it feeds", async () => {
    const microphone = track("microphone");
    peer.setTrack("audio", microphone);
    await peer.offer(offer("a"));
    assert.deepEqual(sent[0], { type: "leg.answer", leg_id: "a", generation: 0, sdp: "answer to a.0" });
    const [connection] = Connection.all;
    assert.deepEqual(connection.lines.map(({ direction }) => direction), ["sendrecv", "sendonly", "recvonly", "recvonly", "recvonly"]);
    assert.equal(connection.lines[0].sender.track.name, "microphone'");
    assert.equal(connection.lines[1].sender.track, null);
    assert.deepEqual(Object.keys(streams[0]).sort(), ["audio", "audio_side", "camera", "main", "side"]);
  });

  test("nothing leaves before it is enabled, and the preview is not touched", async () => {
    const camera = track("camera");
    peer.setTrack("camera", camera);
    await peer.offer(offer("a"));
    const out = Connection.all[0].lines[1].sender;
    assert.equal(out.track.enabled, false);
    peer.setEnabled("camera", true);
    assert.equal(out.track.enabled, true);
    peer.setEnabled("camera", false);
    assert.equal(camera.enabled, true);
  });

  test("a source that comes later takes its line without a new offer", async () => {
    await peer.offer(offer("a"));
    peer.setEnabled("camera", true);
    peer.setTrack("camera", track("camera"));
    assert.equal(Connection.all[0].lines[1].sender.track.enabled, true);
    peer.setTrack("camera", null);
    assert.equal(Connection.all[0].lines[1].sender.track, null);
  });

  test("uses the prepared connection first", async () => {
    peer.prepare();
    await peer.offer(offer("a"));
    assert.equal(Connection.all.length, 1);
  });

  test("candidates are gathered ahead, without the relays that only a call may use", async () => {
    peer.prepare();
    const { iceCandidatePoolSize, iceServers } = Connection.all[0].settings;
    assert.deepEqual([iceCandidatePoolSize, iceServers], [1, []]);
  });

  test("a new leg replaces the old one only when it is connected", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("connected");
    await peer.offer(offer("b"));
    const [old, next] = Connection.all;
    assert.equal(old.closed, false);
    assert.equal(streams.length, 1);
    next.enter("connected");
    assert.equal(old.closed, true);
    assert.equal(streams.length, 2);
    assert.equal(peer.state, "connected");
  });

  test("a higher generation restarts ICE on the same connection; a repeat is ignored", async () => {
    await peer.offer(offer("a", 0));
    await peer.offer(offer("a", 1));
    await peer.offer(offer("a", 1));
    assert.equal(Connection.all.length, 1);
    assert.deepEqual(sent.map(({ generation }) => generation), [0, 1]);
  });

  test("a restart gathers with credentials of now, those of the beginning have expired", async () => {
    const relay = (credential) => ({ ice_servers: [{ urls: ["turns:relay.example"], credential }] });
    await peer.offer({ ...offer("a"), ...relay("first") });
    await peer.offer({ ...offer("a", 1), ...relay("second") });
    const [{ settings }] = Connection.all;
    assert.equal(settings.iceServers[0].credential, "second");
    assert.equal(settings.bundlePolicy, "max-bundle");
  });

  test("asks for a restart after 1.5 s without a path, then for a new leg", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("connected");
    Connection.all[0].enter("disconnected");
    assert.equal(peer.state, "disconnected");
    mock.timers.tick(1499);
    assert.deepEqual(asked(), []);
    mock.timers.tick(1);
    assert.deepEqual(asked(), [["a", false]]);
    mock.timers.tick(5000);
    assert.deepEqual(asked(), [["a", false], ["a", true]]);
  });

  test("a path that comes back by itself is left alone", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("disconnected");
    Connection.all[0].enter("connected");
    mock.timers.tick(4000);
    assert.deepEqual(asked(), []);
  });

  test("a failed connection asks at once", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("failed");
    mock.timers.tick(0);
    assert.deepEqual(asked(), [["a", false]]);
  });

  test("an offer that the browser refuses, or that never connects, asks for a new leg", async () => {
    await peer.offer(offer("a", 0, "bad"));
    assert.deepEqual(asked(), [["a", true]]);
    await peer.offer(offer("b"));
    mock.timers.tick(10_000);
    assert.deepEqual(asked().at(-1), ["b", true]);
  });

  test("when signaling is back, a broken path is told at once", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("connected");
    peer.check();
    assert.deepEqual(asked(), []);
    Connection.all[0].enter("disconnected");
    peer.check();
    assert.deepEqual(asked(), [["a", false]]);
  });

  test("what the far side can take limits what is sent, on a new leg as well, and is lifted again", async () => {
    const most = ({ lines }) => lines.slice(0, 2).map(({ sender }) => sender.parameters.encodings[0].maxBitrate);
    await peer.offer(offer("a"));
    peer.setEnabled("audio", true); // answered: before that an untried way out limits more
    peer.wish({ audio_bps: 20_000, video_bps: 300_000 });
    await connect(Connection.all[0]);
    assert.deepEqual(most(Connection.all[0]), [20_000, 300_000]);
    await peer.offer(offer("b"));
    Connection.all[1].enter("connected");
    await look();
    assert.deepEqual(most(Connection.all[1]), [20_000, 300_000]);
    peer.wish({ audio_bps: 0, video_bps: 9e9 });
    await look();
    assert.deepEqual(most(Connection.all[1]), [undefined, 1_800_000]);
  });

  test("a wish that is repeated changes nothing, none at all means none", async () => {
    await peer.offer(offer("a"));
    peer.wish({ audio_bps: 20_000, video_bps: 0 });
    await connect(Connection.all[0]);
    const { sender } = Connection.all[0].lines[0];
    const { parameters } = sender;
    peer.wish({ audio_bps: 20_000, video_bps: 0 });
    await look();
    assert.equal(sender.parameters, parameters);
    peer.wish({});
    await look();
    assert.equal(sender.parameters.encodings[0].maxBitrate, undefined);
  });

  test("a way out that the server sees full gets less, at last no picture, and both sides are told", async () => {
    await peer.offer(offer("a", 0, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111"));
    peer.setEnabled("audio", true);
    await connect(Connection.all[0]);
    const [, camera] = Connection.all[0].lines;
    peer.wish({ uplink_full: true });
    await look();
    assert.equal(Connection.all[0].remote, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63");
    for (let turn = 0; turn < 8; turn += 1) await look();
    assert.equal(camera.sender.parameters.encodings[0].active, false);
    assert.deepEqual(sent.filter(({ type }) => type === "leg.narrow"), [{ type: "leg.narrow", leg_id: "a", paused: true }]);
  });

  test("what is played is held as long as the server wishes, in steps, on a new leg anew", async () => {
    const target = ({ lines }) => lines[0].receiver.jitterBufferTarget;
    await peer.offer(offer("a"));
    await connect(Connection.all[0]);
    mock.timers.tick(200);
    assert.equal(target(Connection.all[0]), null);
    peer.wish({ playout_ms: 110 });
    mock.timers.tick(200);
    assert.equal(target(Connection.all[0]), 80);
    mock.timers.tick(1000);
    assert.equal(target(Connection.all[0]), 110);
    await peer.offer(offer("b"));
    Connection.all[1].enter("connected");
    mock.timers.tick(200);
    assert.equal(target(Connection.all[1]), 80);
    peer.wish({});
    mock.timers.tick(1000);
    assert.equal(target(Connection.all[1]), null);
  });

  test("on another network ICE is restarted though the old path seems to work, and the path stays in use", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("connected");
    peer.check(true);
    assert.deepEqual(asked(), [["a", false]]);
    mock.timers.tick(4999);
    assert.equal(asked().length, 1);
    mock.timers.tick(60_000);
    assert.equal(asked().length, 1, "no new leg for one that works");
  });

  test("a restart on another network that does not help is followed by a new leg", async () => {
    await peer.offer(offer("a"));
    Connection.all[0].enter("connected");
    peer.check(true);
    Connection.all[0].enter("disconnected");
    mock.timers.tick(1500);
    mock.timers.tick(5000);
    assert.deepEqual(asked(), [["a", false], ["a", false], ["a", true]]);
  });

  test("every five seconds it reports what it measured since the last time", async () => {
    const grades = [];
    peer.addEventListener("grade", ({ detail }) => grades.push(detail));
    await peer.offer(offer("a"));
    await connect(Connection.all[0]);
    for (let times = 0; times < 2; times += 1) {
      mock.timers.tick(5000);
      for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
    }
    const reports = sent.filter(({ type }) => type === "quality.report");
    assert.deepEqual(reports.map(({ leg_id, kbps_received }) => [leg_id, kbps_received]), [["a", 8]]);
    assert.deepEqual(grades, ["good"]);
  });

  test("a microphone that records nothing is told at once, and that it is back", async () => {
    await peer.offer(offer("a"));
    peer.setTrack("audio", track("microphone"));
    peer.setEnabled("audio", true);
    await connect(Connection.all[0]);
    const { sender } = Connection.all[0].lines[0];
    let energy = 0;
    sender.getStats = async () => new Map([["source", { type: "media-source", kind: "audio", totalAudioEnergy: energy, totalSamplesDuration: 1 }]]);
    const levels = () => sent.filter(({ type }) => type === "quality.report").map(({ level }) => level);
    for (let turn = 0; turn < 4; turn += 1) [energy] = [energy + 1, await look()];
    for (let turn = 0; turn < 5; turn += 1) await look();
    assert.deepEqual(levels(), [0]);
    for (let turn = 0; turn < 2; turn += 1) [energy] = [energy + 1, await look()];
    assert.equal(levels().length, 2, "sound again");
    for (let turn = 0; turn < 12; turn += 1) [energy] = [energy + 1, await look()];
    assert.equal(levels().length, 3, "and then every five seconds");
  });

  test("nothing is measured before the connection, nor after the end", async () => {
    await peer.offer(offer("a"));
    mock.timers.tick(20_000);
    assert.equal(Connection.all[0].at, undefined);
    await connect(Connection.all[0]);
    peer.close();
    await Promise.resolve();
    mock.timers.tick(20_000);
    assert.equal(Connection.all[0].at, undefined);
  });

  test("closing lets go of connections and sources", async () => {
    peer.setTrack("audio", track("microphone"));
    await peer.offer(offer("a"));
    const clone = Connection.all[0].lines[0].sender.track;
    peer.close();
    assert.equal(clone.stopped, true);
    assert.equal(Connection.all[0].closed, true);
  });
});
