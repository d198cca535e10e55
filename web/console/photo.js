/** Photos before they are sent: always JPEG, no larger than the server takes, no metadata of the camera. */

const MAX_BYTES = 4_000_000;
const MAX_SIDE = 2048;
const QUALITIES = [0.86, 0.7, 0.5];

/** The size that fits into MAX_SIDE with the same shape. */
export function fit(width, height, side = MAX_SIDE) {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** {blob, width, height}; throws if the file is no picture the browser can read. */
export async function preparePhoto(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const { width, height } = fit(picture.width, picture.height);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff"; // what was transparent
  paper.fillRect(0, 0, width, height);
  paper.drawImage(picture, 0, 0, width, height);
  picture.close();
  for (const quality of QUALITIES) {
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (blob && blob.size <= MAX_BYTES) return { blob, width, height };
  }
  throw new Error("photo too large");
}

/** Offer a blob: URL as a file. */
export function download(url, name) {
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
