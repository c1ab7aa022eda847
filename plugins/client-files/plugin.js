// client-files: the settings of applications that use a cluster, a folder for each application.
//
// A whole krun runbook in JavaScript. What is exported is in ../wit/1.0.0/runbook.wit; a result that fails is
// thrown, as the record `fault`. It looks at nothing: the same parameters give the same steps.

/// A parameter as the contract has it; one without a default must be given. Limits are `1n`, not `1`.
function param(name, ty, doc, more = {}) {
  return {
    name, ty, doc, identity: false, min: undefined, max: undefined, ...more,
    default: JSON.stringify(more.default), choices: (more.choices ?? []).map((one) => JSON.stringify(one)),
  };
}

/// A step of any kind. Among its arguments can be those that every step has: `after` names other steps, and
/// `{ $output: [ADDRESS, NAME] }` stands for what one of them will say.
function step(kind, address, args, doc = "") {
  return { tag: "step", val: { kind, address, doc, arguments: JSON.stringify(args) } };
}

function phase(title, doc = "") {
  return { tag: "phase", val: { title, doc } };
}

function fault(code, what, more = {}) {
  return { code, what, place: undefined, why: undefined, hints: [], evidence: [], ...more };
}

/// What is thrown must be a fault: anything else would end the component without a word.
function told(work) {
  try {
    return work();
  } catch (error) {
    if (error?.code && error?.what) throw error;
    throw fault("other", "the runbook itself failed", { why: String(error), evidence: String(error?.stack ?? "").split("\n") });
  }
}

/// Refuses what can't be.
function refuse(parameter, what, why, ...hints) {
  throw fault("script", what, { place: `parameter ${parameter}`, why, hints });
}

/// The text of a properties file.
function properties(settings) {
  return Object.entries(settings).map(([key, value]) => `${key}=${value}\n`).join("");
}

function producer(app, args) {
  return properties({
    "bootstrap.servers": args.bootstrap.join(","),
    "client.id": app,
    acks: args.acks,
    // Producers refuse to be idempotent with fewer acks.
    "enable.idempotence": args.acks === "all",
    "compression.type": args.compression,
  });
}

function consumer(app, args) {
  return properties({
    "bootstrap.servers": args.bootstrap.join(","),
    "client.id": app,
    "group.id": app,
    "auto.offset.reset": args.from,
  });
}

function checked(args) {
  for (const server of args.bootstrap) {
    if (!/^[^\s:,]+:\d+$/.test(server)) {
      refuse("bootstrap", `\`${server}\` is no server`, "it is not HOST:PORT", "Write it as in 127.0.0.1:9091.");
    }
  }
  for (const [index, app] of args.apps.entries()) {
    if (!/^[a-z][a-z0-9-]*$/.test(app)) {
      refuse("apps", `\`${app}\` can't be an application's name`, "names are lower-case letters, digits and hyphens");
    }
    if (args.apps.indexOf(app) !== index) refuse("apps", `\`${app}\` is given twice`, "each has one folder");
  }
}

export const runbook = {
  describe: () => ({
    name: "client-files",
    version: "0.1.0",
    summary: "the settings of applications that use a cluster",
    doc: "Keeps a folder for each application with its producer.properties and consumer.properties.",
    requires: undefined,
    onFailure: undefined,
    uses: [],
    params: [
      param("acks", "string", "How many replicas must have a record before it counts as sent.", { default: "all", choices: ["0", "1", "all"] }),
      param("apps", "list<string>", "The applications: each is its client id and its consumer group, too.", { min: 1n }),
      param("bootstrap", "list<string>", "Brokers to ask first, each `HOST:PORT`.", { min: 1n }),
      param("compression", "string", "How producers compress.", { default: "lz4", choices: ["none", "gzip", "snappy", "lz4", "zstd"] }),
      param("folder", "path", "Where the applications' folders are.", { identity: true }),
      param("from", "string", "Where a consumer group begins that has read nothing yet.", { default: "earliest", choices: ["earliest", "latest"] }),
    ],
  }),

  declare: (parameters) => told(() => {
    const args = JSON.parse(parameters);
    checked(args);
    const folder = (app) => `${args.folder}/${app}`;
    const file = (app, name, settings) =>
      step("file", `${app}/${name}`, { path: `${folder(app)}/${name}.properties`, content: settings(app, args), after: [app] });
    return [
      phase("Settings"),
      step("directory", "all/folder", { path: args.folder }, "One folder for all, which whoever deploys applications copies from."),
      ...args.apps.flatMap((app) => [
        step("directory", app, { path: folder(app), after: ["all/folder"] }),
        file(app, "producer", producer),
        file(app, "consumer", consumer),
      ]),
    ];
  }),
};
