/** Builds elements. Everything that comes from outside is a text node or an attribute, never markup. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [given] `on<event>` listens, `class` and other names are attributes; false leaves out
 * @param {...unknown} children texts, numbers, elements, lists of them; undefined, null and false are left out
 */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

function append(element, children) {
  for (const child of children.flat(Infinity))
    if (child !== undefined && child !== null && child !== false)
      element.append(child instanceof Node ? child : String(child));
}

/** A table with a caption for screen readers; a row is a list of cells. On a narrow screen every cell names its column. */
export function table(caption, head, rows) {
  const cells = (row) =>
    row.map((content, n) => {
      const cell = content instanceof HTMLTableCellElement ? content : h("td", {}, content);
      if (head[n]) cell.setAttribute("data-column", head[n]);
      // Named: where cells are laid out as blocks, browsers forget what they are.
      cell.setAttribute("role", "cell");
      return cell;
    });
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { "aria-label": caption, role: "table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) => h("tr", { role: "row" }, cells(row))),
      ),
    ),
  );
}

/** Names and values; what is undefined is left out. */
export function facts(pairs) {
  return h(
    "dl",
    {},
    pairs
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

export function section(title, ...children) {
  return h("section", {}, h("h2", {}, title), ...children);
}

export function mark({ text, tone }) {
  return h("span", { class: `mark ${tone ?? ""}` }, text);
}

export function note(tone, ...lines) {
  const role = tone === "bad" ? "alert" : "status";
  return h(
    "div",
    { class: `note ${tone}`, role },
    lines.map((line) => h("p", {}, line)),
  );
}

/** One input with its label above; `options` make it a choice of [value, text]. */
export function field(label, { options, ...given }) {
  const input = options
    ? h(
        "select",
        given,
        options.map(([value, text]) =>
          h("option", { value, selected: value === given.value }, text),
        ),
      )
    : h("input", given);
  return h("label", {}, label, input);
}

/** The named values of a form, without the empty ones. */
export function valuesOf(form) {
  const entries = [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/** Asks before something is done. Resolves to true only when the person says so. */
export function ask(title, text, verb) {
  const dialog = h("dialog", {}, h("h2", {}, title), h("p", {}, text));
  const close = (value) => () => dialog.close(value);
  dialog.append(
    h(
      "div",
      { class: "acts" },
      h("button", { class: "do", onclick: close("yes") }, verb),
      h("button", { onclick: close("no"), autofocus: true }, "Abbrechen"),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
