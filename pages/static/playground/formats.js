/** Masks in the formats of data sets. A mask is a Uint8Array of 0 and 1, row by row, with its width and height. */

const TOLERANCE = 0.75; // pixels that a polygon may run from the mask's outline

/** COCO's compressed RLE: runs down the columns, off first, each as its difference from the one two before. */
export function cocoRle(on, width, height) {
  const runs = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x += 1) {
    for (let i = x; i < on.length; i += width) {
      if (on[i] !== value) {
        runs.push(run);
        run = 0;
        value = on[i];
      }
      run += 1;
    }
  }
  runs.push(run);
  return { size: [height, width], counts: runs.map((each, i) => signed(i > 2 ? each - runs[i - 2] : each)).join("") };
}

/** A number in groups of five bits, the lowest first; each is a character from "0" on, +32 where another follows. */
function signed(number) {
  let text = "";
  for (let more = true; more; ) {
    const low = number & 31;
    number >>= 5;
    more = low & 16 ? number !== -1 : number !== 0;
    text += String.fromCharCode(48 + low + (more ? 32 : 0));
  }
  return text;
}

/** COCO's polygons, one for each part, and the holes, which COCO has no place for: flat lists of x and y in pixels. */
export function polygons(on, width, height) {
  const simple = rings(on, width, height).map((ring) => simplified(ring));
  const flat = (wanted) => simple.filter((ring) => area(ring) > 0 === wanted).map((ring) => ring.flat());
  return { size: [height, width], segmentation: flat(true), holes: flat(false) };
}

/** The sum under a ring: positive for the border of a part, negative for that of a hole. */
function area(ring) {
  return ring.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = ring[(i + 1) % ring.length];
    return sum + x * nextY - nextX * y;
  }, 0) / 2;
}

/**
 * The borders of a mask along the edges of its pixels, as corners [x, y]; the mask is at their right hand on the screen.
 * Parts that touch at a corner alone are parts of their own.
 */
export function rings(on, width, height) {
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && on[y * width + x];
  const seen = new Uint8Array(on.length); // whose upper edge was walked
  const found = [];
  for (let i = 0; i < on.length; i += 1) {
    if (!on[i] || seen[i]) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    if (!at(x, y - 1)) found.push(walk(at, seen, width, x, y));
  }
  return found;
}

const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // right, down, left, up
const RIGHT_HAND = [[0, 0], [-1, 0], [-1, -1], [0, -1]]; // from a corner, the pixel at the right hand of each step
const LEFT_HAND = [[0, -1], [0, 0], [-1, 0], [-1, -1]];

function walk(at, seen, width, startX, startY) {
  const ring = [];
  let [x, y, direction] = [startX, startY, 0];
  do {
    if (direction === 0) seen[y * width + x] = 1;
    const before = direction;
    [x, y] = [x + STEPS[direction][0], y + STEPS[direction][1]];
    const turns = [(direction + 1) % 4, direction, (direction + 3) % 4];
    direction = turns.find((turn) => edge(at, x, y, turn)) ?? direction;
    if (direction !== before) ring.push([x, y]);
  } while (x !== startX || y !== startY || direction !== 0);
  return ring;
}

/** Whether there is a border from a corner in a direction, with the mask at its right hand. */
function edge(at, x, y, direction) {
  const [right, left] = [RIGHT_HAND[direction], LEFT_HAND[direction]];
  return at(x + right[0], y + right[1]) && !at(x + left[0], y + left[1]);
}

/** A ring without the corners that lie within TOLERANCE of the line between those that stay (Douglas and Peucker). */
function simplified(ring) {
  if (ring.length < 5) return ring;
  let far = 0;
  ring.forEach(([x, y], i) => {
    if (Math.hypot(x - ring[0][0], y - ring[0][1]) > Math.hypot(ring[far][0] - ring[0][0], ring[far][1] - ring[0][1])) far = i;
  });
  const closed = [...ring, ring[0]];
  const keep = new Set([0, far]);
  const open = [[0, far], [far, ring.length]];
  while (open.length) {
    const [first, last] = open.pop();
    let [worst, distance] = [-1, TOLERANCE];
    for (let i = first + 1; i < last; i += 1) {
      const apart = fromLine(closed[i], closed[first], closed[last]);
      if (apart > distance) [worst, distance] = [i, apart];
    }
    if (worst < 0) continue;
    keep.add(worst);
    open.push([first, worst], [worst, last]);
  }
  const kept = [...keep].sort((a, b) => a - b).map((i) => ring[i]);
  return kept.length < 3 ? ring : kept;
}

function fromLine([x, y], [x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (!length) return Math.hypot(x - x0, y - y0);
  return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length;
}
