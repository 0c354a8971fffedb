/** What was placed on the picture, in order, and as Label Studio's editor sends it. Places are fractions of the picture. */

export const IMAGE = "image";
const LABEL = "Object";

/** A labeling config whose masks come back as PNGs, which a browser reads by itself. */
export const CONFIG =
  `<View><Image name="${IMAGE}" value="$image"/><BitmaskLabels name="mask" toName="${IMAGE}">` +
  `<Label value="${LABEL}"/></BitmaskLabels></View>`;

/** A point on the picture, pressed into it. */
export const inside = ([x, y]) => [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];

export class Prompts {
  /** Marks, oldest first: {kind: "point", at, positive}, {kind: "box", from, to} or {kind: "stroke", points, width}. */
  marks = [];

  add(mark) {
    this.marks.push(mark);
  }

  /** Take back the newest mark; false where there is none. */
  undo() {
    return this.marks.pop() !== undefined;
  }

  clear() {
    this.marks = [];
  }

  /** Whether a mask is asked for at all: negative clicks alone ask for none. */
  get askForMask() {
    return this.marks.some((mark) => mark.kind !== "point" || mark.positive);
  }

  /** The items of `params.context.result`, for a picture of this size. The newest box counts; all strokes are one mask. */
  items({ width, height }) {
    const strokes = this.marks.filter((mark) => mark.kind === "stroke");
    const last = strokes.at(-1);
    return this.marks
      .filter((mark) => mark.kind !== "stroke" || mark === last)
      .map((mark, index) => ({
        id: `prompt-${index + 1}`,
        from_name: "prompt",
        to_name: IMAGE,
        original_width: width,
        original_height: height,
        image_rotation: 0,
        ...item(mark, strokes, width, height),
      }));
  }
}

function item(mark, strokes, width, height) {
  if (mark.kind === "point") {
    const [x, y] = mark.at;
    const value = { x: x * 100, y: y * 100, width: 0.5, keypointlabels: [LABEL] };
    return { type: "keypointlabels", is_positive: mark.positive, value };
  }
  if (mark.kind === "box") {
    const [x, y] = [Math.min(mark.from[0], mark.to[0]), Math.min(mark.from[1], mark.to[1])];
    const [across, down] = [Math.abs(mark.from[0] - mark.to[0]), Math.abs(mark.from[1] - mark.to[1])];
    const value = { x: x * 100, y: y * 100, width: across * 100, height: down * 100, rotation: 0, rectanglelabels: [LABEL] };
    return { type: "rectanglelabels", value };
  }
  return { type: "bitmasklabels", value: { imageDataURL: painted(strokes, width, height), bitmasklabels: [LABEL] } };
}

/** The strokes as a PNG of the picture's size, opaque where they are. */
function painted(strokes, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  for (const stroke of strokes) paintStroke(context, stroke, width, height, "#000");
  return canvas.toDataURL("image/png");
}

/** Paint one stroke onto a canvas that shows the picture at this size. */
export function paintStroke(context, stroke, width, height, color) {
  context.strokeStyle = color;
  context.lineWidth = Math.max(1, stroke.width * Math.max(width, height));
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  const [first, ...others] = stroke.points;
  context.moveTo(first[0] * width, first[1] * height);
  // A line that goes nowhere is a dot where the caps are round.
  for (const [x, y] of others.length ? others : [first]) context.lineTo(x * width, y * height);
  context.stroke();
}
