// A runbook for krun's tests that tries to reach what no plugin may, while it says what it is and while it declares.
// It has a step kind beside the runbook, so that it is of both worlds.

import "krun:plugin/host@1.0.0";

function attempted(name, port) {
  try {
    return String(ATTEMPTS[name](port));
  } catch (error) {
    return `refused: ${error}`;
  }
}

/// Each gives what it reached; it is given a port at which somebody listens.
const ATTEMPTS = {
  nothing: () => "nothing",
  clock: () => `${Date.now()} ${new Date().getFullYear()}`,
  timer: () => performance.now(),
  random: () => Math.random(),
  entropy: () => crypto.getRandomValues(new Uint8Array(8)).join(" "),
  uuid: () => crypto.randomUUID(),
  environment: () => process.env.KRUN_TEST_WORD,
  console: () => console.log("word on a terminal"),
  errors: () => console.error("word on a terminal"),
  network: (port) => fetch(`http://127.0.0.1:${port}/`),
  sleep: () => setTimeout(() => {}, 1),
};

function param(name, ty, value) {
  return { name, ty, default: JSON.stringify(value), doc: "", identity: false, min: undefined, max: undefined, choices: [] };
}

function step(kind, address, args) {
  return { tag: "step", val: { kind, address, doc: "", arguments: JSON.stringify(args) } };
}

export const runbook = {
  describe: () => ({
    name: "reaches",
    version: "0.1.0",
    summary: "a runbook for krun's tests",
    doc: ["console", "errors"].map((name) => attempted(name, 1)).join(" "),
    requires: undefined,
    onFailure: undefined,
    uses: [],
    params: [param("attempt", "string", "nothing"), param("port", "port", 1), param("to", "path")],
  }),

  declare: (parameters) => {
    const { attempt, port, to } = JSON.parse(parameters);
    return [
      step("file", "reached", { path: to, content: attempted(attempt, port) }),
      step("reaches::nothing", "own", { after: ["reached"] }),
    ];
  },
};

export const stepKinds = {
  describe: () => ({
    name: "reaches",
    version: "0.1.0",
    doc: "A kind for krun's tests.",
    kinds: [
      {
        name: "nothing",
        doc: "Looks at nothing.",
        mode: "proof",
        undo: "nothing",
        undoes: false,
        arguments: JSON.stringify({ type: "object", properties: {} }),
        outputs: [],
        examples: [],
      },
    ],
    wants: [],
  }),
  validate: () => [],
  check: () => ({ tag: "satisfied", val: "{}" }),
  incarnation: () => undefined,
  apply: () => "{}",
  verify() {},
  undo() {},
  upgrade: (_kind, _version, kept) => kept,
};
