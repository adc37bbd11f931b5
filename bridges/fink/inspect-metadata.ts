import { readFile } from "node:fs/promises";
import type { Check, Inspection, InspectOptions } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { certificatesIn, fingerprintOf } from "./federation/certificates.ts";
import type { Entity } from "./federation/entity.ts";
import {
  nameOf,
  parseMetadata,
  readEntities,
  requireValidity,
  verifyMetadata,
} from "./federation/metadata.ts";
import { BUILT_IN_NAMES, parseMetadataProfile } from "./federation/profile.ts";
import { readPushed } from "./federation/sources.ts";

export const METADATA_INSPECT_OPTIONS = {
  pin: "certificate (PEM) that must have signed the metadata; several files with commas between",
  names: "profile file with the names of the mailbox extension, when it is not the built-in one",
} as const;

/** Entities that are shown one by one. */
const MAX_SHOWN = 500;

/** Verifies metadata as the gateway would, and shows what they say. No network, no store. */
export async function inspectMetadata(
  file: string,
  { options, now }: InspectOptions,
): Promise<Inspection> {
  const checks: Check[] = [];
  const facts: Record<string, unknown> = {};
  try {
    await inspectSteps(file, options, now, checks, facts);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const name = STEPS[checks.length] ?? "metadata";
    checks.push({ name, ok: false, detail: error.message });
    return { kind: "federation metadata", checks, facts, code: error.code };
  }
  return { kind: "federation metadata", checks, facts };
}

const STEPS = ["pin", "form", "signature", "validity", "entities"];

async function inspectSteps(
  file: string,
  options: InspectOptions["options"],
  now: Date,
  checks: Check[],
  facts: Record<string, unknown>,
): Promise<void> {
  const passed = (detail: string) =>
    checks.push({ name: STEPS[checks.length] ?? "", ok: true, detail });
  const pins = await loadPins(options["pin"]);
  passed(pins.map((pin) => oneLine(pin.subject)).join("; "));
  const bytes = await readPushed(file);
  if (bytes === undefined) throw new GatewayError("NOT_FOUND", `${file} does not exist`);
  const document = await parseMetadata(bytes);
  passed(`${bytes.length} bytes`);
  const { root, signer, method, canonicalization } = await verifyMetadata(document, { pins, now });
  passed(`${method.replace(/^.*#/, "")}, by ${oneLine(signer.subject)}`);
  Object.assign(facts, {
    name: nameOf(root),
    signer: { sha256: fingerprintOf(signer), notAfter: signer.validToDate },
    canonicalization,
  });
  const validUntil = requireValidity(root, now);
  passed(`until ${validUntil.toISOString()}`);
  const profile =
    options["names"] === undefined
      ? BUILT_IN_NAMES
      : parseMetadataProfile(await readFile(options["names"], "utf8"), options["names"]);
  const entities = [...(await readEntities(root, profile)).values()];
  const broken = entities.filter((entity) => entity.faults.length > 0).length;
  passed(`${entities.length}, ${broken} of them with faults`);
  facts["entities"] = entities.slice(0, MAX_SHOWN).map(show);
  if (entities.length > MAX_SHOWN) facts["notShown"] = entities.length - MAX_SHOWN;
}

async function loadPins(given: string | undefined) {
  if (given === undefined)
    throw new GatewayError(
      "CERTIFICATE_INVALID",
      "--pin is missing: nothing is shown of metadata that nobody vouches for",
    );
  const texts = await Promise.all(
    given.split(",").map(async (path) => certificatesIn(await readText(path), path)),
  );
  return texts.flat();
}

async function readText(path: string): Promise<string> {
  const bytes = await readPushed(path);
  if (bytes === undefined) throw new GatewayError("NOT_FOUND", `${path} does not exist`);
  return bytes.toString("utf8");
}

function show({ entityId, names, validUntil, keys, mailbox, faults }: Entity) {
  return {
    entityId,
    name: names.displayName ?? names.name,
    ...(validUntil === undefined ? {} : { validUntil }),
    keys: keys.map(
      ({ use, certificate, fingerprint }) =>
        `${use}, until ${certificate.validToDate.toISOString()}, ${fingerprint}`,
    ),
    ...(mailbox === undefined ? {} : { mailbox }),
    ...(faults.length === 0 ? {} : { faults }),
  };
}

function oneLine(subject: string): string {
  return subject.replaceAll("\n", ", ");
}
