/** The playground: one picture, prompts on it, and the masks of one application or of two. */

import { byId, element } from "../common.js";
import { Backend, Refused } from "./backend.js";
import { Board } from "./board.js";
import { maskChanged, offerCopies } from "./copying.js";
import { readPicture } from "./picture.js";
import { Prompts } from "./prompts.js";
import { SAMPLES } from "./samples.js";

const TOOLS = ["positive", "negative", "box", "brush"];

const prompts = new Prompts();
let tool = "positive";
let picture = null;
let opening = 0;

const hands = {
  tool: () => tool,
  brushWidth: () => Number(byId("width").value),
  marks: () => prompts.marks,
  placed: (mark) => {
    prompts.add(mark);
    promptsChanged();
  },
  key: shortcut,
  said: say,
};
const boards = [new Board(new Backend(), hands)];
byId("boards").append(boards[0].element);

function say(sentence, isError = false) {
  byId("said").textContent = sentence;
  byId("said").className = isError ? "beside error" : "beside";
}

/** Have a file read by the backend before anything is drawn of it: it may be no picture, or one of gigabytes. */
async function open(file) {
  const number = (opening += 1);
  say(`Reading ${file.name || "the picture"} …`);
  let opened;
  try {
    opened = await readPicture(file);
    await prepare(boards[0].backend, opened);
    if (!opened.size) throw new Refused(`This browser cannot show ${opened.name}: save it as JPEG or PNG first.`);
  } catch (error) {
    if (opened) URL.revokeObjectURL(opened.shown);
    if (number === opening) say(unread(error, file.name, opened), true);
    return;
  }
  if (number !== opening) return;
  if (picture) URL.revokeObjectURL(picture.shown);
  picture = opened;
  prompts.clear();
  byId("work").hidden = false;
  document.body.classList.add("opened");
  for (const board of boards) board.show(picture);
  await promptsChanged();
  boards[0].stage.focus({ preventScroll: true });
  say(`${picture.name}, ${picture.size.width} × ${picture.size.height} pixels, is read and encoded. Click on a thing in it.`);
  if (boards[1]) prepare(boards[1].backend, picture).catch((error) => compared(error.message, true));
}

/** Ask for a mask that nobody looks at: the picture is encoded then, and what is wrong with it is said. */
async function prepare(backend, opened) {
  const probe = new Prompts();
  probe.add({ kind: "point", at: [0.5, 0.5], positive: true });
  await backend.predict(opened, probe.items(opened));
}

function unread(error, name, opened) {
  // Where this browser does not know the picture's size, the backend was asked for a mask of one pixel.
  if (opened && !opened.size && error.code === "image_differs") {
    return `This browser cannot show ${name}: save it as JPEG or PNG first.`;
  }
  return `${name || "The picture"}: ${error.message}`;
}

/** The masks anew, for the prompts that there are now. */
async function promptsChanged() {
  byId("undo").disabled = byId("clear").disabled = !prompts.marks.length;
  const items = prompts.askForMask ? prompts.items(picture) : [];
  const [first, ...others] = boards.map((board) => board.ask(items));
  for (const other of others) other.catch(() => {}); // it is said beside that picture
  try {
    if (!(await first)) return;
    if (items.length) say(boards[0].sentence());
    else say(prompts.marks.length ? "Negative clicks take away: click positively first." : "Click on a thing in the picture.");
  } catch (error) {
    say(error.message, true);
  }
  await maskChanged(boards[0].mask);
}

function undo() {
  if (prompts.undo()) promptsChanged();
}

function choose(name) {
  tool = name;
  for (const button of byId("tools").children) {
    const chosen = button.dataset.tool === name;
    button.setAttribute("aria-checked", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  for (const board of boards) board.toolChanged();
}

/** Keys on a focused picture; whether this was one. */
function shortcut(event) {
  const control = event.ctrlKey || event.metaKey;
  if (control && event.key.toLowerCase() === "z") undo();
  else if (!control && !event.altKey && TOOLS[Number(event.key) - 1]) choose(TOOLS[Number(event.key) - 1]);
  else return false;
  return true;
}

function compared(sentence, isError = false) {
  byId("compared").textContent = sentence;
  byId("compared").className = isError ? "error" : "quiet";
}

async function compare(event) {
  event.preventDefault();
  try {
    const backend = new Backend(byId("prefix").value.trim());
    const { model_version: version } = await backend.health();
    alone();
    const board = new Board(backend, hands);
    boards.push(board);
    byId("boards").classList.add("two");
    byId("boards").append(board.element);
    byId("alone").hidden = false;
    choose(tool);
    compared(`${version} is beside.`);
    board.show(picture);
    await board.ask(prompts.askForMask ? prompts.items(picture) : []);
  } catch (error) {
    compared(error.message, true);
  }
}

function alone() {
  boards.splice(1).forEach((board) => board.element.remove());
  byId("boards").classList.remove("two");
  byId("alone").hidden = true;
}

function take(data) {
  const [file] = data?.files ?? [];
  if (file) open(file);
  else say("That is no file. The playground reads files alone, and no addresses: save the picture first.", true);
}

byId("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) open(file);
  event.target.value = ""; // the same file can be opened again
});
document.addEventListener("paste", (event) => event.clipboardData?.files.length && take(event.clipboardData));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  take(event.dataTransfer);
});
byId("undo").addEventListener("click", undo);
byId("clear").addEventListener("click", () => {
  prompts.clear();
  promptsChanged();
});
byId("tools").addEventListener("click", (event) => event.target.dataset.tool && choose(event.target.dataset.tool));
byId("tools").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  choose(TOOLS[(TOOLS.indexOf(tool) + step + TOOLS.length) % TOOLS.length]);
  byId("tools").querySelector("[aria-checked=true]").focus();
});
byId("compare-form").addEventListener("submit", compare);
byId("alone").addEventListener("click", () => {
  alone();
  compared("Where two models serve on this port, each has a prefix.");
});

byId("samples").append(
  ...SAMPLES.map(({ file, says }) => {
    const url = `pages/samples/${file}`;
    return element(
      "button",
      { type: "button", onclick: async () => open(new File([await (await fetch(url)).blob()], file, { type: "image/jpeg" })) },
      element("img", { src: url, alt: says, width: "120", height: "80" }),
    );
  }),
);
choose(tool);
offerCopies(() => boards[0].mask);
