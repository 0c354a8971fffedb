/** Clicks, as Label Studio sends them, to one application of this origin. */

import { CONFIG } from "./prompts.js";

const PREFIX = /^(\/[\w.~-]+)*\/?$/;

/** Why there is no mask; the message is a sentence for people, `code` the backend's word for it or "". */
export class Refused extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

/** One application: the one this page is from, or that of another prefix on this origin. */
export class Backend {
  /** `prefix`: null for this page's own, or a path such as "/mobile_sam". Throws Refused for anything else. */
  constructor(prefix = null) {
    if (prefix !== null && !PREFIX.test(prefix)) {
      throw new Refused("A prefix is a path on this address, such as /mobile_sam: other addresses are not asked.");
    }
    this.name = prefix ?? "this application";
    this._base = prefix === null ? "" : `${prefix.replace(/\/$/, "")}/`;
  }

  /** What the application says of itself. Throws Refused where there is none. */
  async health() {
    const response = await this._fetch("health", {});
    const body = await response.json().catch(() => ({}));
    if (!response.ok || !body.model_version) {
      throw new Refused(`There is no application at ${this.name}: ${body.detail ?? `it answered ${response.status}`}`);
    }
    return body;
  }

  /**
   * The mask of the prompts on a picture: {url, reason, score, version, stages, total}. `url` is a PNG in a data: URL, null
   * where there is no mask, and `reason` says why; `stages` are [name, milliseconds]. Throws Refused.
   */
  async predict(picture, items, signal) {
    const began = performance.now();
    const body = {
      tasks: [{ id: null, data: { image: picture.url } }],
      project: "playground",
      label_config: CONFIG,
      params: { context: { result: items } },
    };
    const response = await this._fetch("predict", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    const answer = await response.json().catch(() => null);
    if (!response.ok || answer === null) {
      throw new Refused(answer?.detail ?? `The backend answered ${response.status} without saying why.`, answer?.error);
    }
    const [prediction] = answer.results;
    const region = prediction?.result?.find((each) => each.value.imageDataURL);
    const stages = timings(response.headers.get("server-timing") ?? "");
    return {
      reason: decodeURIComponent(response.headers.get("x-no-mask") ?? ""),
      url: region?.value.imageDataURL ?? null,
      score: prediction?.score ?? 0,
      version: prediction?.model_version ?? "",
      stages,
      total: performance.now() - began,
    };
  }

  async _fetch(path, options) {
    try {
      return await fetch(new URL(`${this._base}${path}`, document.baseURI), { ...options, redirect: "error" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(
        "The backend closed the connection or does not answer. A picture may be larger than it takes (MAX_BODY_MIB).",
      );
    }
  }
}

/** [stage, milliseconds] of each stage in a Server-Timing header. */
export function timings(header) {
  return [...header.matchAll(/([\w-]+);dur=([\d.]+)/g)].map(([, name, milliseconds]) => [name, Number(milliseconds)]);
}
