/** The page at /: what serves, what answers, what failed last. */

import { byId, element, failureCounts, failuresOf, failureTable, keepAsking, parts, terms } from "./common.js";

const SHOWN = 8;

const links = [...byId("links").children];

keepAsking("diagnose", 15, (report) => {
  const model = report.model;
  byId("model").replaceChildren(
    terms([
      ["model", element("strong", {}, model.model)],
      ["version", element("code", {}, model.model_version)],
      ["why", model.reason],
      ["advice", model.advice],
      ["finds things", model.finder],
    ]),
  );
  byId("parts").replaceChildren(...parts(report));
  const failures = failuresOf(report);
  byId("failures").replaceChildren(
    ...(failures ? [failureTable(failures.slice(0, SHOWN))] : failureCounts(report)),
  );
  byId("links").replaceChildren(...links, ...more(report.links ?? {}));
});

/** What only somebody on the backend's machine, or with its password, is told of. */
function more({ dashboard, prometheus }) {
  const found = [];
  if (dashboard) {
    const link = element("a", { href: dashboard, rel: "noreferrer" }, "Ray's dashboard");
    const where = [", on the backend's machine; the link that logs in is in the last lines of ", element("code", {}, "make serve")];
    found.push(element("li", {}, link, where));
  }
  if (prometheus) found.push(element("li", {}, "Metrics: ", element("code", {}, `prometheus --config.file=${prometheus}`)));
  return found;
}
