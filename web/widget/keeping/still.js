/** A still at the camera's own resolution: as a photo where the browser can, else the largest frame of the track. */

const PHOTO_MS = 5000;
const MAX_BYTES = 12_000_000;
const TAKEN = new Set(["image/jpeg", "image/png", "image/webp"]);

/** A Blob the server takes; throws if there is no picture. */
export async function take(track) {
  const photo = await takePhoto(track);
  if (photo && TAKEN.has(photo.type) && photo.size <= MAX_BYTES) return photo;
  return drawn(photo ? await createImageBitmap(photo, { imageOrientation: "from-image" }) : await frameOf(track));
}

/** ImageCapture is not in Safari and Firefox; cameras may refuse, and some phones never answer. */
async function takePhoto(track) {
  if (!globalThis.ImageCapture?.prototype.takePhoto) return null;
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, PHOTO_MS, null)));
  const photo = await Promise.race([new ImageCapture(track).takePhoto().catch(() => null), late]);
  clearTimeout(timer);
  return photo;
}

async function frameOf(track) {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  await video.play();
  if (!video.videoWidth) await new Promise((resolve) => video.addEventListener("resize", resolve, { once: true }));
  return video;
}

async function drawn(source) {
  const width = source.videoWidth ?? source.width;
  const height = source.videoHeight ?? source.height;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(source, 0, 0);
  source.close?.();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (!blob) throw new Error("no picture");
  return blob;
}
