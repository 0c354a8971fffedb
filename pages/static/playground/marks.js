/** Marks on a canvas that shows the picture at some size: points, boxes, strokes, and the cross of the keyboard. */

import { paintStroke } from "./prompts.js";

/** Draw what was placed. */
export function drawMark(context, mark, width, height) {
  if (mark.kind === "stroke") {
    paintStroke(context, mark, width, height, "#2d7dff80");
  } else if (mark.kind === "box") {
    const [x, y] = [mark.from[0] * width, mark.from[1] * height];
    for (const [color, dash] of [["#000000", []], ["#ffffff", [6, 5]]]) {
      context.strokeStyle = color;
      context.lineWidth = 2;
      context.setLineDash(dash);
      context.strokeRect(x, y, mark.to[0] * width - x, mark.to[1] * height - y);
    }
    context.setLineDash([]);
  } else {
    drawPoint(context, mark.at[0] * width, mark.at[1] * height, mark.positive);
  }
}

function drawPoint(context, x, y, positive) {
  context.beginPath();
  context.arc(x, y, 8, 0, 2 * Math.PI);
  context.fillStyle = positive ? "#0b7a3b" : "#b3122f";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - 4, y);
  context.lineTo(x + 4, y);
  if (positive) {
    context.moveTo(x, y - 4);
    context.lineTo(x, y + 4);
  }
  context.stroke();
}

/** Draw where the keyboard is. */
export function drawCross(context, x, y) {
  for (const [color, thick] of [["#000000", 4], ["#ffffff", 2]]) {
    context.strokeStyle = color;
    context.lineWidth = thick;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 16 * dx, y + 16 * dy);
    }
    context.stroke();
  }
}
