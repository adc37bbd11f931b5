/**
 * What is going on, and since when: one line that is redrawn on a terminal, plain lines elsewhere
 * (a new phase at most every few seconds, so that a log stays readable).
 */
const redrawMs = 200;
const plainEveryMs = 10_000;

export function showProgress(out = process.stderr) {
  return out.isTTY ? liveProgress(out) : plainProgress(out);
}

function liveProgress(out) {
  const tasks = new Map();
  let timer;
  const draw = () => {
    const parts = [...tasks].map(([name, task]) => `${name} ${elapsed(task.since)}: ${task.phase}`);
    out.write(`\r\u001b[K${fit(parts, (out.columns || 80) - 1)}`);
  };
  const finish = (name, text) => {
    const since = tasks.get(name)?.since ?? Date.now();
    tasks.delete(name);
    out.write(`\r\u001b[K${name}: ${text} (${elapsed(since)})\n`);
    if (tasks.size === 0) clearInterval(timer);
  };
  return {
    start(name) {
      tasks.set(name, { since: Date.now(), phase: "starting" });
      if (tasks.size === 1) timer = setInterval(draw, redrawMs).unref();
      return {
        phase: (text) => {
          const task = tasks.get(name);
          if (task !== undefined) task.phase = text;
        },
        done: (text) => finish(name, text),
      };
    },
  };
}

function plainProgress(out) {
  return {
    start(name) {
      const since = Date.now();
      let last = 0;
      let phase = "starting";
      const say = () => {
        last = Date.now();
        out.write(`${name} ${elapsed(since)}: ${phase}\n`);
      };
      const timer = setInterval(say, plainEveryMs).unref();
      return {
        phase(text) {
          phase = text;
          if (Date.now() - last > plainEveryMs) say();
        },
        done(text) {
          clearInterval(timer);
          out.write(`${name}: ${text} (${elapsed(since)})\n`);
        },
      };
    },
  };
}

/** Shares one line of a terminal among the tasks. */
export function fit(parts, width) {
  const share = Math.floor(width / Math.max(1, parts.length)) - 3;
  return parts
    .map((part) => (part.length > share ? `${part.slice(0, share - 1)}…` : part))
    .join(" | ");
}

function elapsed(since) {
  return `${String(Math.round((Date.now() - since) / 1000))} s`;
}
