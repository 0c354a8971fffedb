/** Taking a mask along: on the clipboard, or where a browser allows none of that, as text and as a file. */

import { byId } from "../common.js";
import { cocoRle, polygons } from "./formats.js";
import { maskPng } from "./mask.js";

const BUTTONS = { "copy-rle": "COCO RLE", "copy-polygon": "polygon", "copy-png": "PNG" };

let saved = null; // the address of the PNG that can be saved
let newest = null;

/** Make the buttons copy the mask that `current()` has. */
export function offerCopies(current) {
  byId("copy-rle").addEventListener("click", () => copyText("COCO RLE", cocoRle, current()));
  byId("copy-polygon").addEventListener("click", () => copyText("The polygon", polygons, current()));
  byId("copy-png").addEventListener("click", () => copyPng(current()));
}

/** There is another mask, or none. */
export async function maskChanged(mask) {
  for (const id of Object.keys(BUTTONS)) byId(id).disabled = !mask;
  byId("text-row").hidden = true;
  byId("copied").textContent = "";
  const link = byId("save-png");
  link.hidden = !mask;
  if (saved) URL.revokeObjectURL(saved);
  saved = null;
  newest = mask;
  if (!mask) return;
  const png = await maskPng(mask);
  if (mask !== newest) return;
  link.href = saved = URL.createObjectURL(png);
}

async function copyText(name, format, mask) {
  const text = JSON.stringify(format(mask.on, mask.width, mask.height));
  const field = byId("text");
  byId("text-row").hidden = false;
  field.value = text;
  try {
    await navigator.clipboard.writeText(text);
    byId("copied").textContent = `${name} is on the clipboard: ${text.length} characters, of ${mask.width} × ${mask.height} pixels.`;
  } catch {
    field.focus();
    field.select();
    byId("copied").textContent = `${name} is below and selected: this browser lets no page copy by itself here.`;
  }
}

async function copyPng(mask) {
  try {
    const png = await maskPng(mask);
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    byId("copied").textContent = `The PNG is on the clipboard: ${png.size} bytes, of ${mask.width} × ${mask.height} pixels.`;
  } catch {
    byId("copied").textContent = "This browser lets no page copy pictures here: save the PNG instead.";
  }
}
