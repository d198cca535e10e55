// Runs in the customer's frames before the page's own scripts: a room with a voice and a moving picture whose devices
// can fail, and, where a test offers one, a link of its own in front of the server.
(() => {
  const sounds = new Set();
  let dark = false;

  /** A voice for a second and a half of four, a room of about -70 dBFS all the time. */
  function microphone() {
    const context = new AudioContext({ sampleRate: 48000 });
    const room = context.createBuffer(1, 4 * 48000, 48000);
    const samples = room.getChannelData(0);
    for (let at = 0; at < samples.length; at += 1) {
      const time = at / 48000;
      const voice = time < 1.5 ? 0.25 * Math.sin(2 * Math.PI * (160 + 40 * Math.sin(5 * time)) * time) * Math.sin(9 * time) ** 2 : 0;
      samples[at] = voice + 0.001 * (Math.random() - 0.5);
    }
    const source = new AudioBufferSourceNode(context, { buffer: room, loop: true });
    const gain = new GainNode(context);
    const end = context.createMediaStreamDestination();
    source.connect(gain).connect(end);
    source.start();
    sounds.add(gain);
    return end.stream.getAudioTracks()[0];
  }

  function camera() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    const picture = canvas.getContext("2d");
    let turn = 0;
    setInterval(() => {
      turn += 1;
      picture.fillStyle = dark ? "#000" : "#264";
      picture.fillRect(0, 0, 640, 360);
      picture.fillStyle = dark ? "#000" : "#fc8";
      for (let spot = 0; spot < 40; spot += 1) picture.fillRect((turn * 7 + spot * 61) % 640, (spot * 97 + turn * 3) % 360, 24, 18);
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  }

  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => new MediaStream([...(audio ? [microphone()] : []), ...(video ? [camera()] : [])]);
  window.fail = (device) => {
    if (device === "camera") dark = true;
    else for (const gain of sounds) gain.gain.value = 0;
    return Date.now() / 1000;
  };

  const native = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = async function (offer) {
    const sdp = window.throughLink && offer.type === "offer" ? await window.throughLink(offer.sdp) : offer.sdp;
    return native.call(this, { type: offer.type, sdp });
  };
})();
