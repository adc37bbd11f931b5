import { parseStrictJson, StrictJsonError } from "../../src/guard/strict-json.ts";
import { LetterFault } from "./letter-fault.ts";
import { countCharacters, isUuid } from "./letter-rules.ts";
import type { Profile } from "./profile.ts";

/** The state of an application, shown in the citizen's status monitor (bundid-fink.md §1.5). */
export interface ApplicationState {
  /** UUID, lower case. */
  readonly application: string;
  readonly status: string;
  /** German texts. */
  readonly service: string;
  readonly sender: string;
  readonly details?: string;
  readonly information?: string;
  readonly reference?: string;
  readonly createdAt: Date;
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
type Members = Readonly<Record<string, unknown>>;

/** The string that is signed and embedded. */
export function serialiseState(state: ApplicationState, profile: Profile): string {
  const { fields, language } = profile.state;
  const localised = (text: string) => ({ [language]: text });
  const { details, information, reference } = state;
  return JSON.stringify({
    [fields.application]: state.application,
    [fields.status]: state.status,
    [fields.service]: localised(state.service),
    [fields.sender]: state.sender,
    ...(details === undefined ? {} : { [fields.details]: localised(details) }),
    ...(information === undefined ? {} : { [fields.information]: localised(information) }),
    ...(reference === undefined ? {} : { [fields.reference]: reference }),
    [fields.createdAt]: state.createdAt.toISOString(),
  });
}

/** @throws LetterFault */
export function parseState(content: string, profile: Profile): ApplicationState {
  const { fields, limits, statuses } = profile.state;
  const members = readMembers(content, Object.values(fields));
  const application = readText(members, fields.application, 36);
  if (!isUuid(application)) throw fault(fields.application, "must be a UUID");
  const status = readText(members, fields.status, 64);
  if (!statuses.includes(status))
    throw fault(fields.status, `must be one of ${statuses.join(", ")}`);
  const optional = (key: "details" | "information") => {
    if (members[fields[key]] === undefined) return {};
    return { [key]: readLocalised(members, fields[key], limits[key], profile) };
  };
  const reference = members[fields.reference];
  return {
    application: application.toLowerCase(),
    status,
    service: readLocalised(members, fields.service, limits.service, profile),
    sender: readText(members, fields.sender, limits.sender),
    ...optional("details"),
    ...optional("information"),
    ...(reference === undefined
      ? {}
      : { reference: readText(members, fields.reference, limits.reference, 0) }),
    createdAt: readInstant(readText(members, fields.createdAt, 24), fields.createdAt),
  };
}

/** @throws LetterFault for a state that the interface would refuse */
export function checkState(state: ApplicationState, profile: Profile): void {
  parseState(serialiseState(state, profile), profile);
}

const STATUS_TEXT: Readonly<Record<string, string>> = {
  INITIATED: "Antrag begonnen",
  SUBMITTED: "Antrag eingereicht",
  RECEIVED: "Antrag eingegangen",
  PROCESSING: "In Bearbeitung",
  ACTION_REQUIRED: "Ihre Mitwirkung ist nötig",
  COMPLETED: "Abgeschlossen",
};

/** What a citizen reads in the room of the case. */
export function describeState(state: ApplicationState): { subject: string; text: string } {
  const lines = [
    `Stand: ${STATUS_TEXT[state.status] ?? state.status}`,
    state.details,
    state.information,
  ];
  return {
    subject: `Stand Ihres Antrags: ${state.service}`,
    text: lines.filter((line) => line !== undefined).join("\n"),
  };
}

function readMembers(content: string, known: readonly string[]): Members {
  let value: unknown;
  try {
    value = parseStrictJson(content);
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw new LetterFault("schema", "content", error.message, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault("content", "must be an object");
  const surplus = Object.keys(value).find((name) => !known.includes(name));
  if (surplus !== undefined) throw fault(surplus, "is not a known field");
  return value as Members;
}

function readText(members: Members, field: string, max: number, min = 1): string {
  const value = members[field];
  if (typeof value !== "string") throw fault(field, "must be a string");
  const length = countCharacters(value);
  if (length < min || length > max) throw fault(field, `must have ${min} to ${max} characters`);
  return value;
}

/** All languages are checked, the one of the profile is read. */
function readLocalised(
  members: Members,
  field: string,
  max: number,
  { state: { language } }: Profile,
): string {
  const value = members[field];
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw fault(field, "must be an object keyed by language");
  const texts = value as Members;
  const names = Object.keys(texts);
  const stranger = names.find((name) => !/^[a-z]{2}$/.test(name));
  if (stranger !== undefined || names.length > 50) throw fault(field, "has an unknown language");
  for (const name of names) readText(texts, name, max);
  return readText(texts, language, max);
}

function readInstant(text: string, field: string): Date {
  const time = new Date(text);
  const exists = INSTANT.test(text) && !Number.isNaN(time.getTime()) && time.toISOString() === text;
  if (!exists) throw fault(field, "must be a UTC time YYYY-MM-DDTHH:mm:ss.SSSZ");
  return time;
}

function fault(field: string, message: string): LetterFault {
  return new LetterFault("schema", field, message);
}
