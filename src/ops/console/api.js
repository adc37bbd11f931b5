/** The admin API, with the token of this browser tab. */

const TOKEN = "postfach-token";

/** What the gateway says when it does not do something: code, what, and what to do now. */
export class Refusal extends Error {
  constructor(status, { code = "", message = "", next = "" } = {}) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.next = next;
  }
}

export const token = {
  read: () => sessionStorage.getItem(TOKEN) ?? "",
  keep: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** @throws {Refusal} status 0: the gateway does not answer */
async function call(method, path, { query = {}, body } = {}) {
  const search = new URLSearchParams(query).toString();
  const answer = await fetch(`/api/v1/${path}${search === "" ? "" : `?${search}`}`, {
    method,
    headers: {
      authorization: `Bearer ${token.read()}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => undefined);
  if (answer === undefined) throw new Refusal(0);
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, document);
  return document;
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body = {}) => call("POST", path, { body });
export const remove = (path, body) => call("DELETE", path, { body });
/** One part of a path. */
export const part = encodeURIComponent;
