/** A mask: where it is on, how it is drawn over the picture. */

import { rings } from "./formats.js";

const COLOR = 0x5a008cff; // orange that lets the picture through: alpha, blue, green, red

/** The mask that a PNG holds. `on` has a byte for each pixel, row by row: 1 where it is on. */
export async function readMask(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  const [width, height] = [(canvas.width = image.naturalWidth), (canvas.height = image.naturalHeight)];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height);
  const on = new Uint8Array(width * height);
  let area = 0;
  const colored = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < on.length; i += 1) {
    if (!pixels.data[4 * i + 3]) continue;
    on[i] = 1;
    area += 1;
    colored[i] = COLOR;
  }
  context.putImageData(pixels, 0, 0);
  return { width, height, on, area, canvas, outline: rings(on, width, height) };
}

/** Draw the mask and its outline onto a canvas that shows the picture at this size. */
export function drawMask(context, mask, width, height) {
  context.imageSmoothingEnabled = true;
  context.drawImage(mask.canvas, 0, 0, width, height);
  context.beginPath();
  for (const ring of mask.outline) {
    ring.forEach(([x, y], index) => {
      const at = [(x / mask.width) * width, (y / mask.height) * height];
      if (index) context.lineTo(...at);
      else context.moveTo(...at);
    });
    context.closePath();
  }
  context.lineJoin = "round";
  for (const [color, thick] of [["#000000a0", 4], ["#ffd28a", 2]]) {
    context.strokeStyle = color;
    context.lineWidth = thick;
    context.stroke();
  }
}

/** The mask as a PNG: white on black. */
export function maskPng(mask) {
  const canvas = document.createElement("canvas");
  canvas.width = mask.width;
  canvas.height = mask.height;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(mask.width, mask.height);
  const colored = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < mask.on.length; i += 1) colored[i] = mask.on[i] ? 0xffffffff : 0xff000000;
  context.putImageData(pixels, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
