/** The page at /docs: openapi.json in words, with a command for each route. */

import { byId, element, getJson } from "./common.js";

try {
  const description = await getJson("openapi.json");
  byId("about").textContent = description.info.description;
  byId("operations").replaceChildren(
    ...Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => section(path, method.toUpperCase(), operation)),
    ),
  );
  byId("schemas").replaceChildren(
    ...Object.entries(description.components.schemas).map(([name, schema]) =>
      element("details", { id: `schema-${name}` }, element("summary", {}, element("code", {}, name)), code(schema)),
    ),
  );
  byId("said").textContent = `Version ${description.info.version}.`;
} catch (error) {
  byId("said").textContent = error.message;
  byId("said").className = "error";
}

function section(path, method, operation) {
  const id = `${method}-${path}`.replace(/\W+/g, "-");
  const body = operation.requestBody?.content["application/json"];
  return element(
    "section",
    { class: "card operation", "aria-labelledby": id },
    element("h2", { id }, element("span", { class: "method" }, method), " ", element("code", {}, path)),
    element("p", {}, operation.summary),
    parameters(operation.parameters ?? []),
    body ? element("p", {}, "Takes ", schemaName(body.schema), ":") : null,
    body ? code(body.example) : null,
    element("p", {}, "On the command line:"),
    element("pre", { tabindex: "0" }, command(path, method, body)),
    element("p", {}, "Answers:"),
    element("ul", {}, Object.entries(operation.responses).map(([status, answer]) => line(status, answer))),
  );
}

function parameters(list) {
  if (!list.length) return null;
  return element(
    "ul",
    {},
    list.map((each) => element("li", {}, element("code", {}, each.name), ` (${each.in}) `, each.description ?? "")),
  );
}

function line(status, answer) {
  const [[type, content]] = Object.entries(answer.content);
  const what = content.schema ? schemaName(content.schema) : element("code", {}, type);
  return element("li", {}, element("strong", {}, status === "default" ? "otherwise" : status), " ", what, ` ${plain(answer.description)}`);
}

function plain(text) {
  return text.replaceAll("`", "");
}

function schemaName(schema) {
  const name = schema.$ref?.split("/").at(-1);
  return name ? element("a", { href: `#schema-${name}`, onclick: () => byId(`schema-${name}`).setAttribute("open", "") }, name) : "JSON";
}

function command(path, method, body) {
  const url = new URL(`.${path}`, document.baseURI).href;
  if (!body) return `curl '${url}'`;
  return `curl -X ${method} -H 'Content-Type: application/json' '${url}' -d '${JSON.stringify(body.example).replaceAll("'", "'\\''")}'`;
}

function code(value) {
  return element("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}
