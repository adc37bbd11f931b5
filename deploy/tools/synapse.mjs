/** Runs a real Synapse for tests and the demo: its own folder, a free port of 127.0.0.1, no rate limits. */
import { createHmac, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { startChild, waitUntilReady } from "./child.mjs";
import { findFreePort } from "./freeport.mjs";
import { ensureSynapse, findSynapse, synapseVersion } from "./synapse-install.mjs";

export { ensureSynapse, findSynapse, synapseVersion };

const startLimitMs = 60_000;
const stopGraceMs = 15_000;
const requestLimitMs = 30_000;
const portAttempts = 3;

export async function startSynapse(options) {
  const found = findSynapse();
  if (!("python" in found)) throw new Error(found.reason);
  const attempts = options.port === undefined ? portAttempts : 1;
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await findFreePort());
    try {
      return await startOn(found.python, port, options);
    } catch (error) {
      if (attempt === attempts || !/in use/i.test(String(error))) throw error;
    }
  }
}

async function startOn(python, port, options) {
  const { dir, serverName = "synapse.test" } = options;
  fs.mkdirSync(dir, { recursive: true });
  const secret = writeConfiguration({ ...options, serverName, port });
  const baseUrl = `http://127.0.0.1:${String(port)}`;
  const logFile = path.join(dir, "synapse.log");
  const launch = async () => {
    const args = ["-m", "synapse.app.homeserver", "-c", path.join(dir, "homeserver.yaml")];
    const process = startChild({ name: "synapse", command: python, args, cwd: dir, logFile });
    await waitUntilReady(process, "Synapse", () => answers(baseUrl), startLimitMs);
    return process;
  };
  let child = await launch();
  return {
    baseUrl,
    serverName,
    logFile,
    get pid() {
      return child.pid;
    },
    registerUser: (name, password, admin = false) =>
      registerUser(baseUrl, secret, { name, password, admin }),
    stop: () => child.stop(stopGraceMs),
    kill: (signal) => child.kill(signal),
    async restart() {
      await child.stop(stopGraceMs);
      child = await launch();
    },
  };
}

async function answers(baseUrl) {
  const signal = AbortSignal.timeout(2_000);
  return (await fetch(`${baseUrl}/_matrix/client/versions`, { signal })).ok;
}

// Written once per folder: keys and secrets must outlive a restart on the same data. JSON is YAML.
function writeConfiguration({ dir, port, serverName, registrationFiles, ...rest }) {
  const file = path.join(dir, "homeserver.yaml");
  const old = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
  const secrets = {
    registration_shared_secret: old.registration_shared_secret ?? newSecret(),
    macaroon_secret_key: old.macaroon_secret_key ?? newSecret(),
    form_secret: old.form_secret ?? newSecret(),
  };
  const signingKey = path.join(dir, "signing.key");
  if (!fs.existsSync(signingKey)) {
    const seed = randomBytes(32).toString("base64").replace(/=+$/, "");
    fs.writeFileSync(signingKey, `ed25519 a_test ${seed}\n`, { mode: 0o600 });
  }
  const logConfig = path.join(dir, "log.yaml");
  fs.writeFileSync(logConfig, JSON.stringify(describeLog(rest.logLevel ?? "WARNING")));
  const config = {
    ...describeServer({ dir, port, serverName, signingKey, logConfig }),
    ...liftRateLimits(),
    ...secrets,
    app_service_config_files: registrationFiles ?? [],
    ...(rest.roomVersion === undefined ? {} : { default_room_version: rest.roomVersion }),
    ...rest.extraConfig,
  };
  fs.writeFileSync(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  return config.registration_shared_secret;
}

function describeServer({ dir, port, serverName, signingKey, logConfig }) {
  const resources = [{ names: ["client"], compress: false }];
  return {
    server_name: serverName,
    public_baseurl: `http://127.0.0.1:${String(port)}/`,
    pid_file: path.join(dir, "homeserver.pid"),
    listeners: [{ port, type: "http", tls: false, bind_addresses: ["127.0.0.1"], resources }],
    database: { name: "sqlite3", args: { database: path.join(dir, "homeserver.db") } },
    log_config: logConfig,
    media_store_path: path.join(dir, "media"),
    signing_key_path: signingKey,
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    federation_domain_whitelist: [],
    report_stats: false,
    presence: { enabled: false },
    bcrypt_rounds: 4,
    max_upload_size: "250M",
    url_preview_enabled: false,
    enable_registration: false,
  };
}

/** Every limit that Synapse knows, lifted: tests measure the gateway, not the homeserver's patience. */
export function liftRateLimits() {
  const free = { per_second: 10_000, burst_count: 100_000 };
  return {
    rc_message: free,
    rc_registration: free,
    rc_registration_token_validity: free,
    rc_login: { address: free, account: free, failed_attempts: free },
    rc_joins: { local: free, remote: free },
    rc_joins_per_room: free,
    rc_invites: { per_room: free, per_user: free, per_issuer: free },
    rc_room_creation: free,
    rc_admin_redaction: free,
    rc_media_create: free,
    rc_3pid_validation: free,
    rc_reports: free,
    rc_presence: { per_user: free },
    rc_delayed_event_mgmt: free,
    max_pending_media_uploads: 1_000,
  };
}

function describeLog(level) {
  const format = "%(asctime)s %(levelname)s %(name)s %(message)s";
  return {
    version: 1,
    formatters: { line: { format } },
    handlers: { out: { class: "logging.StreamHandler", formatter: "line" } },
    root: { level, handlers: ["out"] },
    disable_existing_loggers: false,
  };
}

function newSecret() {
  return randomBytes(32).toString("hex");
}

async function registerUser(baseUrl, secret, { name, password, admin }) {
  const url = `${baseUrl}/_synapse/admin/v1/register`;
  const { nonce } = await requestJson(url, { method: "GET" });
  const mac = signRegistration(secret, { nonce, name, password, admin });
  const body = JSON.stringify({ nonce, username: name, password, admin, mac });
  const headers = { "content-type": "application/json" };
  const answer = await requestJson(url, { method: "POST", headers, body });
  return { userId: answer.user_id, accessToken: answer.access_token, deviceId: answer.device_id };
}

/** Synapse admin API, "Register users": HMAC-SHA1 over the fields, separated by NUL bytes. */
export function signRegistration(secret, { nonce, name, password, admin }) {
  const fields = [nonce, name, password, admin ? "admin" : "notadmin"];
  return createHmac("sha1", secret).update(fields.join("\0")).digest("hex");
}

async function requestJson(url, init) {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(requestLimitMs) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Synapse refused ${url}: ${String(answer.status)} ${text}`);
  return JSON.parse(text);
}
