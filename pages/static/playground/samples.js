/** Pictures that come with the backend: still lifes that testing/still_lifes draws, so nobody's rights are in them. */

export const SAMPLES = [
  { file: "bottle.jpg", says: "A bottle and two small things on a table" },
  { file: "pebbles.jpg", says: "Pebbles of one colour that touch" },
  { file: "patches.jpg", says: "A chequered patch on a lawn" },
];
