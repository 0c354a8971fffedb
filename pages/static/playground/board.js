/** One picture with marks and a mask on it, for one application: where people click, draw and read the times. */

import { element } from "../common.js";
import { Refused } from "./backend.js";
import { drawMask, readMask } from "./mask.js";
import { drawCross, drawMark } from "./marks.js";
import { inside } from "./prompts.js";

const STILL = 8; // CSS pixels that a finger may move within a click
const STEP = 0.01;
const FAR = 0.05; // of the picture: how far an arrow key goes

export class Board {
  mask = null;
  _cursor = null; // where the keyboard is, once it is used
  _begun = null; // a box or a stroke that is being drawn
  _asking = null;

  /**
   * `tool()`: the tool that is chosen. `brushWidth()`: of the picture's long side. `marks()`: what is placed. `placed(mark)` is
   * called for each new mark, `key(event)` for keys that are not about places, `said(sentence)` for what happens.
   */
  constructor(backend, { tool, brushWidth, marks, placed, key, said }) {
    Object.assign(this, { backend, _tool: tool, _brushWidth: brushWidth, _marks: marks, _placed: placed, _key: key, _say: said });
    this._image = element("img", { alt: "The opened picture", draggable: "false" });
    this._canvas = element("canvas", { "aria-hidden": "true" });
    this.stage = element(
      "div",
      { class: "stage", tabindex: "0", role: "application", "aria-label": `Picture for ${backend.name}`, "aria-describedby": "keys" },
      this._image,
      this._canvas,
    );
    this._about = element("div", { class: "card" });
    this.element = element("div", { class: "board" }, this.stage, this._about);
    this._image.addEventListener("load", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.stage);
    this._listen();
  }

  /** Show a picture that has no mask yet. */
  show(picture) {
    this._asking?.abort();
    this.picture = picture;
    this.mask = this.answer = this.problem = this._cursor = this._begun = null;
    this._image.src = picture.shown;
    this._tell();
  }

  /** Ask for the mask of these items, none for an empty list, and draw it. Throws Refused; resolves to false where a later call came. */
  async ask(items) {
    this._asking?.abort();
    const asking = (this._asking = new AbortController());
    if (!items.length) {
      this.mask = this.answer = this.problem = null;
      this.stage.classList.remove("busy");
      this._tell();
      this.draw();
      return true;
    }
    this.stage.classList.add("busy");
    try {
      const answer = await this.backend.predict(this.picture, items, asking.signal);
      const mask = answer.url && (await readMask(answer.url));
      if (asking.signal.aborted) return false;
      [this.answer, this.mask, this.problem] = [answer, mask, null];
    } catch (error) {
      if (asking.signal.aborted) return false;
      [this.answer, this.mask] = [null, null];
      this.problem = error instanceof Refused ? error : new Refused(`The mask cannot be shown: ${error.message}`);
      throw this.problem;
    } finally {
      if (this._asking === asking) this.stage.classList.remove("busy");
      this._tell();
      this.draw();
    }
    return true;
  }

  /** What the last answer was, in a sentence. */
  sentence() {
    if (!this.mask) return `No mask: ${this.answer?.reason || "the backend does not say why"}.`;
    const share = (100 * this.mask.area) / (this.mask.width * this.mask.height);
    return `The mask covers ${share.toFixed(1)} % of the picture; ${Math.round(this.answer.total)} ms in all, score ${this.answer.score.toFixed(2)}.`;
  }

  /** The table beside the picture: which model, and its milliseconds by stage. */
  _tell() {
    const about = [element("h3", {}, this.backend.name)];
    if (this.problem) about.push(element("p", { class: "error" }, this.problem.message));
    if (this.answer) {
      const { stages, total, version } = this.answer;
      const rows = [...stages, ["way and browser", total - stages.reduce((sum, [, value]) => sum + value, 0)]];
      about.push(
        element("p", {}, element("code", {}, version)),
        element(
          "table",
          { class: "stages" },
          element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "stage"), element("th", { scope: "col" }, "ms"))),
          element("tbody", {}, rows.map((row) => time(...row)), time("in all", total, "sum")),
        ),
        element("p", { class: "quiet" }, this.mask ? `Mask of ${this.mask.width} × ${this.mask.height} pixels, score ${this.answer.score.toFixed(2)}` : this.sentence()),
      );
    } else if (!this.problem) {
      about.push(element("p", { class: "quiet" }, "Click on a thing in the picture."));
    }
    this._about.replaceChildren(...about);
  }

  /** Draw everything anew, at the size at which the picture is on the screen. */
  draw() {
    const [across, down] = [this.stage.clientWidth, this.stage.clientHeight];
    if (!across || !down) return;
    const scale = window.devicePixelRatio || 1;
    this._canvas.width = Math.round(across * scale);
    this._canvas.height = Math.round(down * scale);
    const context = this._canvas.getContext("2d");
    context.scale(scale, scale);
    if (this.mask) drawMask(context, this.mask, across, down);
    for (const mark of [...this._marks(), ...(this._begun ? [this._begun] : [])]) drawMark(context, mark, across, down);
    if (this._cursor) drawCross(context, this._cursor[0] * across, this._cursor[1] * down);
  }

  /** Take notice of the tool that is chosen now: a finger scrolls the page unless it draws. */
  toolChanged() {
    this._begun = null;
    const drags = ["box", "brush"].includes(this._tool());
    this.stage.classList.toggle("dragging", drags);
    this.stage.classList.toggle("tapping", !drags);
    this.draw();
  }

  _listen() {
    const stage = this.stage;
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("pointerdown", (event) => this._down(event));
    stage.addEventListener("pointermove", (event) => this._move(event));
    stage.addEventListener("pointerup", (event) => this._up(event));
    stage.addEventListener("pointercancel", () => this._giveUp());
    stage.addEventListener("keydown", (event) => this._pressed(event));
  }

  _at(event) {
    const box = this.stage.getBoundingClientRect();
    return inside([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  }

  _down(event) {
    if (!event.isPrimary || event.button === 1) {
      this._giveUp(); // a second finger: the page is being zoomed
      return;
    }
    this.stage.setPointerCapture(event.pointerId);
    this._pointer = { id: event.pointerId, x: event.clientX, y: event.clientY, negative: event.altKey || event.button === 2 };
    this._cursor = null;
    if (event.button === 0) this._begin(this._at(event));
    this.draw();
  }

  /** Begin a box or a stroke, where that is the tool. */
  _begin(at) {
    if (this._tool() === "box") this._begun = { kind: "box", from: at, to: at };
    if (this._tool() === "brush") this._begun = { kind: "stroke", points: [at], width: this._brushWidth() };
  }

  _move(event) {
    if (this._pointer?.id !== event.pointerId || !this._begun) return;
    this._drag(this._at(event));
  }

  _drag(at) {
    if (this._begun?.kind === "box") this._begun.to = at;
    if (this._begun?.kind === "stroke") this._begun.points.push(at);
    this.draw();
  }

  _up(event) {
    const pointer = this._pointer;
    if (pointer?.id !== event.pointerId) return;
    this._pointer = null;
    if (this._begun) {
      this._drag(this._at(event));
      this._finish();
    } else if (Math.hypot(event.clientX - pointer.x, event.clientY - pointer.y) <= STILL) {
      this._point(this._at(event), pointer.negative);
    }
  }

  _point(at, negative) {
    this._placed({ kind: "point", at, positive: !negative && this._tool() !== "negative" });
  }

  /** Place what was begun. A box that is a line or a dot is none. */
  _finish() {
    const begun = this._begun;
    this._begun = null;
    if (begun.kind === "box") {
      const [across, down] = [Math.abs(begun.from[0] - begun.to[0]), Math.abs(begun.from[1] - begun.to[1])];
      if (across * this.stage.clientWidth < 3 || down * this.stage.clientHeight < 3) {
        this._say("That box is too small: draw from one corner to the opposite one.");
        this.draw();
        return;
      }
    }
    this._placed(begun);
  }

  _giveUp() {
    this._pointer = this._begun = null;
    this.draw();
  }

  _pressed(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step && !event.ctrlKey && !event.metaKey) {
      const [x, y] = this._cursor ?? [0.5, 0.5];
      const far = event.shiftKey ? FAR : STEP;
      this._cursor = inside([x + step[0] * far, y + step[1] * far]);
      this._drag(this._cursor);
    } else if (["Enter", " ", "n", "N"].includes(event.key) && !event.ctrlKey && !event.metaKey) {
      this._cursor ??= [0.5, 0.5];
      this._act(event.altKey || event.key.toLowerCase() === "n");
    } else if (event.key === "Escape" && this._begun) {
      this._giveUp();
    } else if (!this._key(event)) {
      return;
    }
    event.preventDefault();
  }

  /** Do at the cross what the tool does. */
  _act(negative) {
    if (!negative && this._begun) {
      this._finish();
    } else if (!negative && ["box", "brush"].includes(this._tool())) {
      this._begin(this._cursor);
      this._say(this._tool() === "box" ? "One corner is set: go to the opposite one and press Enter." : "The brush is down: paint with the arrow keys and press Enter.");
      this.draw();
    } else {
      this._point(this._cursor, negative);
    }
  }
}

function time(stage, milliseconds, kind = null) {
  return element("tr", { class: kind }, element("td", {}, stage), element("td", {}, milliseconds.toFixed(1)));
}
