// http-health: proves that a service answers as it should.
//
// A krun plugin in JavaScript. What is exported, and what may be imported, is in ../wit/1.0.0; results
// that fail are thrown, as the record `fault`.

// Not used by name: componentize-js hands over only those handles of which the class is imported.
import "krun:plugin/host@1.0.0";
import { get } from "krun:plugin/http@1.0.0";
import { progress } from "krun:plugin/log@1.0.0";
import { pause } from "krun:plugin/waiting@1.0.0";

const ARGUMENTS = {
  type: "object",
  properties: {
    url: { type: "string", description: "What is asked for, by GET, with http:// or https://." },
    status: { type: "integer", description: "The status that is wanted; 200 if not given." },
    contains: { type: "array", items: { type: "string" }, description: "Texts that the answer must hold." },
    attempts: { type: "integer", description: "How often it is asked, a second apart, until it is as wanted; 30 if not given." },
  },
  required: ["url"],
};

function fault(code, what, more = {}) {
  return { code, what, place: undefined, why: undefined, hints: [], evidence: [], ...more };
}

/// What is thrown must be a fault: anything else would end the guest without a word.
function told(work) {
  try {
    return work();
  } catch (error) {
    if (error?.code && error?.what) throw error;
    throw fault("other", "the plugin itself failed", { why: String(error), evidence: String(error?.stack ?? "").split("\n") });
  }
}

/// What is wrong with an answer; nothing where it is as wanted.
function wrong(answer, args) {
  const wanted = args.status ?? 200;
  if (answer.status !== wanted) return `it answers with status ${answer.status} instead of ${wanted}`;
  const text = new TextDecoder().decode(answer.body);
  const missing = (args.contains ?? []).filter((part) => !text.includes(part));
  if (missing.length > 0) return `it does not hold ${missing.map((part) => `"${part}"`).join(", ")}`;
}

/// The same where there is no answer at all. What is not granted is no state of the service.
function asked(look, args) {
  try {
    return wrong(get(look, args.url, [], 5000), args);
  } catch (error) {
    if (error.payload?.code === "not-granted" || !error.payload) throw error.payload ?? error;
    return `there is no answer: ${error.payload.why ?? error.payload.what}`;
  }
}

export const stepKinds = {
  describe: () => ({
    name: "http-health",
    version: "0.1.0",
    doc: "Proves that services answer as they should.",
    kinds: [
      {
        name: "answers",
        doc: "Asks a service until it answers with a status and holds some texts, and fails if it does not.",
        mode: "proof",
        undo: "nothing",
        undoes: false,
        arguments: JSON.stringify(ARGUMENTS),
        outputs: [{ name: "attempts", doc: "How often it was asked." }],
        examples: ['http_health::answers("ui", #{ url: "http://127.0.0.1:8080/health", contains: ["UP"] });\n'],
      },
    ],
    wants: [{ grant: "http:HOST:PORT", why: "the service is asked" }],
  }),

  validate: (_kind, text) => told(() => {
    const args = JSON.parse(text);
    if ((args.attempts ?? 1) < 1) throw fault("script", "a service is asked at least once");
    if (args.url !== undefined && !/^https?:\/\//.test(args.url)) {
      throw fault("script", "a service is asked by HTTP", { place: args.url, hints: ["Begin the URL with http:// or https://."] });
    }
    return [];
  }),

  check: (step, look) => told(() => {
    const args = JSON.parse(step.arguments);
    const attempts = args.attempts ?? 30;
    let why;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      why = asked(look, args);
      if (why === undefined) return { tag: "satisfied", val: JSON.stringify({ attempts: attempt }) };
      progress(why);
      if (attempt < attempts) pause(look, 1000);
    }
    throw fault("proof-failed", "a service does not answer as it should", { place: args.url, why });
  }),

  incarnation: () => undefined,

  apply() {
    throw fault("other", "a proof changes nothing");
  },

  verify() {},

  undo() {
    throw fault("other", "a proof has nothing to take back");
  },

  upgrade: (_kind, _version, kept) => kept,
};
