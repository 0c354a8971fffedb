/** Pictures that the browser has: from a file, the clipboard or a sample. They are sent as data: URLs. */

import { Refused } from "./backend.js";

const MOST_PIXELS = 16_000_000;
/* Of a mask. Browsers of telephones have no canvas with more; a larger picture's masks come smaller. */

/** Read a file. Its `size` is null where this browser cannot show it. Throws Refused for what is no file of a picture. */
export async function readPicture(file) {
  if (!file.size) throw new Refused(`${file.name || "The file"} is empty.`);
  const url = await dataUrl(file);
  const shown = URL.createObjectURL(file);
  const size = await sizeOf(shown);
  return { name: file.name || "picture", url, shown, size, ...masksOf(size ?? { width: 1, height: 1 }) };
}

/** The size that masks of a picture of this size have. */
function masksOf({ width, height }) {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refused(`${file.name} cannot be read: ${reader.error?.message ?? ""}`));
    reader.readAsDataURL(file);
  });
}

/** The size of a picture as it is shown, turned as its EXIF says. Nothing is decoded for it. */
function sizeOf(url) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve({ width: image.naturalWidth || 1, height: image.naturalHeight || 1 });
    image.onerror = () => resolve(null);
    image.src = url;
  });
}
