/** The page at /diagnose: what answers; of each project the warnings, the failures and what was stored. */

import { byId, element, failureCounts, failuresOf, failureTable, keepAsking, moment, parts } from "./common.js";

let latest = null;
const project = byId("project");

keepAsking("diagnose", 15, (report) => {
  latest = report;
  byId("parts").replaceChildren(...parts(report));
  byId("warnings").replaceChildren(warnings(report));
  byId("saved").replaceChildren(...saved(report));
  byId("retrieved").replaceChildren(retrieved(report));
  offer(Object.keys(failuresOf(report) ? report.recent_failures : {}));
  show();
});

project.addEventListener("change", show);

/** The projects that can be chosen; the one that is chosen stays. */
function offer(names) {
  const chosen = project.value;
  const options = names.sort().map((name) => element("option", { value: `=${name}` }, name || "none"));
  project.replaceChildren(element("option", { value: "" }, "all"), ...options);
  project.value = [...project.options].some((option) => option.value === chosen) ? chosen : "";
}

function show() {
  const failures = failuresOf(latest);
  const chosen = project.value;
  byId("failures").replaceChildren(
    ...(failures
      ? [failureTable(failures.filter((each) => !chosen || `=${each.project}` === chosen))]
      : failureCounts(latest)),
  );
}

function warnings(report) {
  const told = report.labeling_config_warnings;
  if (told === undefined) return element("p", {}, report.more ?? "");
  if (typeof told === "string") return element("p", {}, told);
  const projects = Object.entries(told).filter(([, sentences]) => sentences.length);
  if (!projects.length) return element("p", {}, "Nothing is wrong with any that was sent.");
  return element(
    "ul",
    {},
    projects.flatMap(([name, sentences]) => sentences.map((each) => element("li", {}, `Project ${name}: ${each}`))),
  );
}

/** The annotations that were submitted with prompts and without their mask. */
function saved(report) {
  const told = report.saved_without_mask;
  if (told === undefined) return [element("p", {}, report.more ?? "")];
  if (typeof told === "string") return [element("p", {}, told)];
  const all = Object.values(told)
    .flat()
    .sort((one, other) => other.at - one.at);
  if (!all.length) return [element("p", {}, "None since the backend started, as far as Label Studio's webhooks tell.")];
  return [
    element("p", {}, `Label Studio says that it saved these, but not what the prompts were for: ${all[0].remedy}.`),
    element("ul", {}, all.map((each) => element("li", {}, taskOf(each), `: ${each.said} (`, moment(each.at), ")"))),
  ];
}

/** What became of the tasks whose predictions were retrieved. */
function retrieved(report) {
  const told = report.retrieved_predictions;
  if (told === undefined) return element("p", {}, report.more ?? "");
  if (typeof told === "string") return element("p", {}, told);
  const all = Object.values(told)
    .flat()
    .sort((one, other) => other.at - one.at);
  if (!all.length) return element("p", {}, "None of tasks with boxes since the backend started.");
  return element(
    "ul",
    {},
    all.map((each) => element("li", {}, `Project ${each.project || "–"}: ${each.said} (`, moment(each.at), ")")),
  );
}

function taskOf(each) {
  const words = `Project ${each.project || "–"}, task ${each.task ?? "–"}`;
  return each.link ? element("a", { href: each.link }, words) : words;
}
