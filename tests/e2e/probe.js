// Runs in every frame before the page's own scripts: keeps each RTCPeerConnection, so that a test can ask what is
// really sent, received, heard and seen, without a word from the page about it.
(() => {
  if (window.callProbe) return;
  const NativeConnection = window.RTCPeerConnection;
  const connections = [];
  const events = [];
  const now = () => performance.timeOrigin + performance.now();
  const mark = (name, detail = "", at = now()) => events.push({ name, detail, at });

  window.RTCPeerConnection = class extends NativeConnection {
    constructor(...settings) {
      super(...settings);
      connections.push(this);
      mark("created");
      this.addEventListener("connectionstatechange", () => mark(this.connectionState));
    }
  };
  document.addEventListener("click", (event) => mark("click", event.target?.textContent?.trim().slice(0, 40)), true);
  document.addEventListener("load", (event) => event.target.tagName === "IMG" && mark("image", event.target.src), true);

  const live = () => connections.filter((connection) => connection.connectionState === "connected");

  // A page that is drawing looks late. Sound is pulled without a break from its first packet on, by another thread: how
  // much was pulled until now tells when it began; 10 ms of it were there at once.
  async function soundBegan(receiver, seen) {
    for (const one of (await receiver.getStats()).values()) {
      if (one.type === "inbound-rtp") return Math.min(seen, one.timestamp - Math.max(0, one.totalSamplesReceived / 48 - 10));
    }
    return seen;
  }

  // getSynchronizationSources tells of a frame as soon as it reached its track; getStats is 50 ms coarse.
  const heard = new WeakSet();
  setInterval(() => {
    for (const connection of live()) {
      for (const receiver of connection.getReceivers()) {
        if (heard.has(receiver) || receiver.getSynchronizationSources().length === 0) continue;
        heard.add(receiver);
        if (receiver.track.kind === "audio") soundBegan(receiver, now()).then((at) => mark("first-audio", "", at));
        else mark("first-video");
      }
    }
  }, 4);

  async function figures() {
    const sum = {
      connections: connections.length, live: 0, energy: 0, samples: 0, concealed: 0, framesDecoded: 0, width: 0,
      packetsReceived: 0, packetsLost: 0, mediaReceived: 0, bytesSent: 0, framesSent: 0, audioSent: 0, transports: [], relays: [], voices: {},
    };
    for (const connection of live()) {
      sum.live += 1;
      const stats = await connection.getStats();
      for (const one of stats.values()) {
        if (one.type === "inbound-rtp") {
          sum.packetsReceived += one.packetsReceived ?? 0;
          sum.packetsLost += one.packetsLost ?? 0;
          // The server probes a connection with padding: only voice packets and whole frames are somebody's media.
          sum.mediaReceived += (one.kind === "audio" ? one.packetsReceived : one.framesReceived) ?? 0;
          if (one.kind === "audio") {
            sum.energy += one.totalAudioEnergy ?? 0;
            sum.voices[one.mid] = one.totalAudioEnergy ?? 0;
            sum.samples += one.totalSamplesReceived ?? 0;
            sum.concealed += one.concealedSamples ?? 0;
          } else {
            sum.framesDecoded += one.framesDecoded ?? 0;
            sum.width = Math.max(sum.width, one.frameWidth ?? 0);
          }
        } else if (one.type === "outbound-rtp") {
          sum.bytesSent += one.bytesSent ?? 0;
          if (one.kind === "audio") sum.audioSent += one.packetsSent ?? 0;
          else sum.framesSent += one.framesSent ?? 0;
        } else if (one.type === "transport" && one.selectedCandidatePairId) {
          // The pair in use: one that carried the call before keeps "nominated" and "succeeded" for as long as it is kept.
          const pair = stats.get(one.selectedCandidatePairId);
          sum.transports.push(stats.get(pair?.remoteCandidateId)?.protocol ?? "");
          sum.relays.push(stats.get(pair?.localCandidateId)?.relayProtocol ?? "");
        }
      }
    }
    return sum;
  }

  // Of the pictures that were decoded.
  async function codecs() {
    const found = new Set();
    for (const connection of live()) {
      const stats = await connection.getStats();
      for (const one of stats.values()) {
        if (one.type === "inbound-rtp" && one.framesDecoded) found.add(stats.get(one.codecId)?.mimeType);
      }
    }
    return [...found];
  }

  // Every element of the page and of its shadow roots.
  function* elements(root = document) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      if (element.shadowRoot) yield* elements(element.shadowRoot);
    }
  }

  // A small grey picture of each remote video on the page: two of them tell whether the picture moves.
  function pictures(visible = false) {
    const remote = new Set(live().flatMap((connection) => connection.getReceivers().map((one) => one.track.id)));
    const found = [];
    for (const element of elements()) {
      if (element.tagName !== "VIDEO" || !element.videoWidth) continue;
      if (visible && !element.checkVisibility({ visibilityProperty: true })) continue;
      const tracks = element.srcObject?.getVideoTracks() ?? [];
      if (!tracks.some((track) => remote.has(track.id))) continue;
      const canvas = new OffscreenCanvas(32, 24);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(element, 0, 0, 32, 24);
      found.push(Array.from(context.getImageData(0, 0, 32, 24).data.filter((_, index) => index % 4 === 1)));
    }
    return found;
  }

  window.callProbe = {
    figures,
    codecs,
    pictures,
    events,
    mark,
    listening: () => [...elements()].some((one) => one.tagName === "AUDIO" && one.srcObject && !one.paused && !one.muted),
  };
})();
