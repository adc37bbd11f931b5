import { get, Refusal, token } from "./api.js";
import { ask, field, fill, h, note } from "./dom.js";
import { audit } from "./audit.js";
import { letterPage } from "./letter.js";
import { letters } from "./letters.js";
import { links } from "./links.js";
import { overview } from "./overview.js";
import { quarantine } from "./quarantine.js";
import { transition } from "./transition.js";
import { hashOf, refusalLines, ROLES, routeOf, whyNot } from "./words.js";

/** Pages in the order of the navigation; each builds its content of the route and of who looks at it. */
const PAGES = {
  uebersicht: { title: "Übersicht", build: overview },
  schreiben: {
    title: "Schreiben",
    build: (view) => (view.id === undefined ? letters : letterPage)(view),
  },
  quarantaene: { title: "Quarantäne", build: quarantine },
  umstellung: { title: "Umstellung", build: transition },
  verknuepfungen: { title: "Verknüpfungen", build: links },
  protokoll: { title: "Protokoll", build: audit },
};

const main = document.querySelector("main");
let turn = 0;

/** Shows the page of the address. A page that was overtaken by another one is not shown any more. */
async function show() {
  const mine = (turn += 1);
  const route = routeOf(location.hash);
  const page = PAGES[route.page] ?? PAGES.uebersicht;
  if (token.read() === "") return showLogin();
  main.replaceChildren(h("p", { class: "faint", role: "status" }, "Wird geladen …"));
  try {
    const caller = await get("caller");
    if (mine !== turn) return;
    showFrame(route.page, caller);
    const content = await page.build(viewOf(route, caller));
    if (mine !== turn) return;
    document.title = `${page.title} · Postfachbrücke`;
    fill(main, h("h1", {}, page.title), content);
    main.focus({ preventScroll: true });
  } catch (error) {
    if (mine === turn) showFailure(error);
  }
}

function viewOf(route, { role }) {
  return {
    ...route,
    now: new Date(),
    /** A button for those who may; for others it is there and says why not. */
    act: (needed, label, work) => {
      const why = whyNot(role, needed);
      return h(
        "button",
        { disabled: why !== undefined, title: why, onclick: guarded(work) },
        label,
      );
    },
    guarded,
    go: (page, id, query) => {
      location.hash = hashOf(page, id, query);
    },
  };
}

/** Runs what a button does, asks before when it says so, shows what came of it, and builds the page anew. */
function guarded(work) {
  return async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    try {
      const told = await work(ask);
      if (told === undefined) return;
      await show();
      if (typeof told === "string") main.prepend(note("good", told));
    } catch (error) {
      for (const old of main.querySelectorAll(":scope > .note")) old.remove();
      main.prepend(...failureOf(error));
      scrollTo({ top: 0 });
    } finally {
      button.disabled = false;
    }
  };
}

function showFrame(current, { name, role }) {
  document
    .querySelector("#seiten")
    .replaceChildren(
      ...Object.entries(PAGES).map(([page, { title }]) =>
        h("a", { href: hashOf(page), "aria-current": page === current ? "page" : false }, title),
      ),
    );
  const leave = () => {
    token.forget();
    location.hash = "";
    void show();
  };
  document
    .querySelector("#wer")
    .replaceChildren(
      `${name} (darf ${ROLES[role] ?? role})`,
      h("button", { onclick: leave }, "Abmelden"),
    );
}

function showLogin(...before) {
  document.querySelector("#seiten").replaceChildren();
  document.querySelector("#wer").replaceChildren();
  const enter = (event) => {
    event.preventDefault();
    token.keep(new FormData(event.currentTarget).get("token").trim());
    void show();
  };
  main.replaceChildren(
    h("h1", {}, "Anmelden"),
    ...before,
    h(
      "section",
      {},
      h(
        "p",
        {},
        "Mit einem Token aus admin.tokens der Konfiguration. Es bleibt nur in diesem Fenster und wird beim Schließen vergessen.",
      ),
      h(
        "form",
        { onsubmit: enter },
        field("Token", { name: "token", type: "password", required: true, autocomplete: "off" }),
        h("button", { class: "do" }, "Anmelden"),
      ),
    ),
  );
}

function showFailure(error) {
  const told = failureOf(error);
  if (error instanceof Refusal && error.status === 401) {
    token.forget();
    return showLogin(...told);
  }
  main.replaceChildren(
    ...told,
    h("button", { onclick: () => void show() }, "Noch einmal versuchen"),
  );
}

function failureOf(error) {
  if (error instanceof Refusal) return [note("bad", ...refusalLines(error))];
  return [
    note(
      "bad",
      "In der Konsole ist ein Fehler aufgetreten; am Gateway wurde nichts geändert.",
      String(error),
    ),
  ];
}

addEventListener("hashchange", () => void show());
void show();
