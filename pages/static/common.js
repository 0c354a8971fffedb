/** What the pages share: elements made without markup, answers of the backend, times. */

/** An element. `attributes` that begin with "on" are listeners; `null` and `false` are left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** JSON from a route of this backend. Throws an Error whose message is a sentence. */
export async function getJson(path) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
  } catch {
    throw new Error("The backend does not answer. Is it still running?");
  }
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) {
    throw new Error(body?.detail ?? `The backend answered ${response.status} without saying why.`);
  }
  return body;
}

/** A <time> of Unix seconds, in the reader's own clock, and how long ago that is. */
export function moment(seconds) {
  const at = new Date(seconds * 1000);
  const ago = Math.max(0, Date.now() / 1000 - seconds);
  const [count, unit] =
    ago < 90 ? [ago, "s"] : ago < 5400 ? [ago / 60, "min"] : ago < 129600 ? [ago / 3600, "h"] : [ago / 86400, "days"];
  return element("time", { datetime: at.toISOString() }, `${at.toLocaleString()} (${Math.round(count)} ${unit} ago)`);
}

/** Terms with what is said of each; empty ones are left out. */
export function terms(pairs) {
  const said = pairs.filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return element(
    "dl",
    {},
    said.map(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
  );
}

/** Whether a part answers, in words and by a mark; `answers` is null where there is none to ask. */
export function part(name, answers, said) {
  const [state, words] =
    answers === null ? ["none", "– not set"] : answers ? ["ok", "✓ answers"] : ["bad", "✗ does not answer as it should"];
  return element(
    "p",
    { class: "part" },
    element("strong", {}, name),
    " ",
    element("span", { class: `mark ${state}` }, words),
    element("span", { class: "said" }, said),
  );
}

/** Which parts answer, by what /diagnose says of them. */
export function parts(report) {
  // Whoever is told no sentences is told whether each answers, in these words.
  const answers = report.answers ?? { models: report.models === "answers", label_studio: report.label_studio === "answers" };
  return [
    part("Models", answers.models, report.answers ? report.models : ""),
    part("Label Studio", answers.label_studio, report.answers ? report.label_studio : ""),
  ];
}

/** Every failure that /diagnose tells of, the newest first; null where it tells numbers alone. */
export function failuresOf(report) {
  if (typeof report.recent_failures !== "object" || report.more) return null;
  return Object.values(report.recent_failures)
    .flat()
    .sort((one, other) => other.at - one.at);
}

/** A table of failures. */
export function failureTable(failures) {
  if (!failures.length) return element("p", {}, "None since the backend started.");
  const head = ["when", "project", "task", "what was asked", "what became of it"];
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Failures" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, head.map((title) => element("th", { scope: "col" }, title)))),
      element(
        "tbody",
        {},
        failures.map((each) =>
          element(
            "tr",
            {},
            element("td", {}, moment(each.at)),
            element("td", {}, each.project || "–"),
            element("td", {}, each.task || "–"),
            element("td", {}, element("code", {}, each.route)),
            element("td", {}, element("code", {}, `${each.status} ${each.code}`), " ", each.sentence),
          ),
        ),
      ),
    ),
  );
}

/** What is said to whoever gets numbers alone. */
export function failureCounts(report) {
  const counts = Object.entries(report.recent_failures ?? {});
  const list = counts.map(([code, count]) => element("li", {}, element("code", {}, code), `: ${count}`));
  return [list.length ? element("ul", {}, list) : element("p", {}, "None is kept."), element("p", {}, report.more ?? "")];
}

/** Ask now, and every `seconds` while somebody looks; `show` gets the answer and `said` what became of it. */
export function keepAsking(path, seconds, show) {
  const said = byId("said");
  const ask = async () => {
    if (document.hidden) return;
    try {
      show(await getJson(path));
      said.textContent = `As of ${new Date().toLocaleTimeString()}.`;
      said.className = "";
    } catch (error) {
      said.textContent = error.message;
      said.className = "error";
    }
  };
  ask();
  setInterval(ask, seconds * 1000);
  document.addEventListener("visibilitychange", ask);
}
