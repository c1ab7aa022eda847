//! Plugins: what krun's host adds to wasmtime, and what a step costs that is a plugin's and not krun's own.
//!
//! The first is measured by `load_cost`, an example of krun-plugin that holds a bare wasmtime program beside the
//! host, in turns; the second from outside, by plans of steps that look at the same and find nothing to do.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use krun_tests::lab::repository;
use serde_json::Value as Json;

use crate::{
    table::{Row, Times},
    work::{Work, finished, installed, timed},
};

/// One guest of each language.
const GUESTS: [(&str, &str); 3] = [
    ("owners", "Rust"),
    ("http-health", "JavaScript"),
    ("capacity", "Python"),
];
const STEPS: usize = 1_000;

/// All of it.
pub fn measure(work: &Work) -> Result<Vec<Row>, String> {
    let components = GUESTS
        .iter()
        .map(|(name, _)| built(work, name))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rows = hosted(&components)?;
    rows.extend(checks_of_files(work, &components[0])?);
    rows.extend(checks_of_a_service(work, &components[1])?);
    Ok(rows)
}

/// The component of a plugin in `plugins/`.
fn built(work: &Work, name: &str) -> Result<PathBuf, String> {
    eprintln!("building {name}");
    let mut build = work.krun(&["plugin", "build"]);
    let plugins = repository().join("plugins");
    if plugins.join(name).join("Cargo.toml").exists() {
        // The guests in Rust are one workspace.
        let target = repository().join("target/guests");
        build.arg(plugins).arg("--target-dir").arg(target);
    } else {
        let folder = copied(work, &plugins, name)?;
        let requirements = fs::read_to_string(folder.join("requirements.txt"));
        if let Ok(package) = requirements {
            let compiler = installed(work, package.trim(), "componentize-py")?;
            let before = std::env::var("PATH").unwrap_or_default();
            let own = compiler.parent().unwrap_or(Path::new("/")).display();
            build.env("PATH", format!("{own}:{before}"));
        } else {
            finished(
                Command::new("npm")
                    .args(["install", "--no-audit", "--no-fund"])
                    .current_dir(&folder),
            )?;
        }
        build.arg(folder);
    }
    let output = finished(&mut build)?;
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let wanted = [format!("{name}.component.wasm"), format!("{name}.wasm")];
    let named = |path: &&str| {
        let file = Path::new(path).file_name().unwrap_or_default();
        wanted.iter().any(|wanted| file == wanted.as_str())
    };
    files
        .lines()
        .find(named)
        .map(PathBuf::from)
        .ok_or(format!("no component of {name} in {files}"))
}

/// A copy of a plugin's folder, with the contract beside it, so that nothing is left in the repository.
fn copied(work: &Work, plugins: &Path, name: &str) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| error.to_string();
    for entry in fs::read_dir(plugins.join(name)).map_err(failed)?.flatten() {
        if entry.path().is_file() {
            let text = fs::read_to_string(entry.path()).map_err(failed)?;
            work.write(&format!("{name}/{}", entry.file_name().display()), &text)?;
        }
    }
    let wit = work.path("wit");
    if !wit.exists() {
        std::os::unix::fs::symlink(plugins.join("wit"), wit).map_err(failed)?;
    }
    Ok(work.path(name))
}

/// krun's host beside a bare wasmtime program.
fn hosted(components: &[PathBuf]) -> Result<Vec<Row>, String> {
    let mut program = Command::new("cargo");
    program
        .args(["run", "--release", "--quiet", "--package", "krun-plugin"])
        .args(["--example", "load_cost", "--"])
        .args(components)
        .current_dir(repository());
    let output = finished(&mut program)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut rows = vec![];
    for (line, (name, language)) in text.lines().zip(GUESTS) {
        let figures: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
        for (what, pair) in [
            ("warm load, ready to make instances", "load"),
            ("an instance", "instance"),
            ("an instance and a call of `validate`", "call"),
        ] {
            let of = |who: &str, which: &str| figures[pair][who][which].as_f64();
            let both = |which| Some((of("krun", which)?, of("bare", which)?));
            let (Some((krun, bare)), Some((least, least_bare))) = (both("median"), both("least"))
            else {
                return Err(format!("no figures in {line}"));
            };
            rows.push(Row::judged(
                &format!("plugin `{name}` ({language}): {what}"),
                "at most 2 × a bare wasmtime program",
                format!(
                    "{:.2} ×: {krun} µs, bare {bare} µs (at least {least} and {least_bare}; {} runs, in turns)",
                    krun / bare,
                    figures["rounds"]
                ),
                krun <= 2.0 * bare,
            ));
        }
        rows.push(Row::beside(
            &format!(
                "plugin `{name}`: the same load of a file that is not known yet, which is hashed"
            ),
            format!(
                "{} µs for {} KiB",
                figures["load_hashed"]["median"], figures["kib"]
            ),
        ));
        rows.push(Row::beside(
            &format!("plugin `{name}`: memory while it is idle"),
            format!(
                "{} KiB, of which {} are no pages of its compiled file",
                figures["idle"]["resident_kib"], figures["idle"]["own_kib"]
            ),
        ));
    }
    Ok(rows)
}

/// Whether a file says what it should: `owners::owner` and `file`.
fn checks_of_files(work: &Work, component: &Path) -> Result<Vec<Row>, String> {
    let root = work.path("owned");
    let root = root.to_string_lossy();
    for n in 0..STEPS {
        work.write(&format!("owned/{n}/OWNER"), "payments")?;
    }
    add(work, component, &format!("write:{root}"))?;
    let plugin =
        format!("owners::owner(`s-${{n}}`, #{{ folder: `{root}/${{n}}`, team: \"payments\" }});");
    let own =
        format!("file(`s-${{n}}`, #{{ path: `{root}/${{n}}/OWNER`, content: \"payments\" }});");
    compared(
        work,
        &Compared {
            plugin: "owners",
            what: "1,000 checks whether a file says what it should, a whole plan: `owners::owner` (Rust) beside `file`",
            verb: &["plan", "--detailed-exitcode"],
            of_plugin: &plugin,
            own: &own,
        },
    )
}

/// Whether a service on this machine shows a text: `http_health::answers` and `http::shows`.
fn checks_of_a_service(work: &Work, component: &Path) -> Result<Vec<Row>, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let place = listener.local_addr().map_err(|error| error.to_string())?;
    std::thread::spawn(move || serve(&listener));
    add(work, component, &format!("http:{place}"))?;
    let plugin = format!(
        "http_health::answers(`s-${{n}}`, #{{ url: \"http://{place}/\", contains: [\"UP\"] }});"
    );
    let own = format!("http::shows(`s-${{n}}`, #{{ url: \"http://{place}/\", texts: [\"UP\"] }});");
    compared(
        work,
        &Compared {
            plugin: "http-health",
            what: "1,000 proofs that a service shows a text, a whole run: `http_health::answers` (JavaScript) beside `http::shows`",
            verb: &["run", "--yes", "--prove"],
            of_plugin: &plugin,
            own: &own,
        },
    )
}

/// Answers every request in the same way, each on its own connection.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            let mut stream = stream;
            let mut request = [0; 4096];
            let _read = stream.read(&mut request);
            let _sent = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nUP\n",
            );
        });
    }
}

fn add(work: &Work, component: &Path, grant: &str) -> Result<(), String> {
    let component = component.to_string_lossy();
    finished(&mut work.krun(&["plugin", "add", &component, "--grant", grant])).map(drop)
}

/// The same steps twice: a plugin's, and krun's own.
struct Compared<'a> {
    plugin: &'a str,
    what: &'a str,
    /// What looks at all of them and changes nothing.
    verb: &'a [&'a str],
    /// The statement that declares one, of `n`.
    of_plugin: &'a str,
    own: &'a str,
}

/// Both, in turns.
fn compared(work: &Work, both: &Compared<'_>) -> Result<Vec<Row>, String> {
    let plugin = both.plugin;
    let script = |whose: &str, uses: &str, step: &str| {
        let text = format!(
            "runbook(#{{ name: \"{plugin}-{whose}\", version: \"1.0.0\", summary: \"many\" }});\n{uses}\
             for n in 0..{STEPS} {{ {step} }}\n"
        );
        work.write(&format!("{plugin}-{whose}.rhai"), &text)
    };
    let uses = format!("use_plugin(\"{plugin}\");\n");
    let (theirs, ours) = (
        script("plugin", &uses, both.of_plugin)?,
        script("own", "", both.own)?,
    );
    let look = |path: &Path| {
        let mut command = work.krun(&["--quiet"]);
        command.args(both.verb).arg(path);
        timed(&mut command)
    };
    let (mut of_plugin, mut own) = (vec![], vec![]);
    for round in 0..8 {
        let (theirs, ours) = (look(&theirs)?, look(&ours)?);
        // The first is to warm up.
        if round > 0 {
            of_plugin.push(theirs);
            own.push(ours);
        }
    }
    let (of_plugin, own) = (Times::new(of_plugin), Times::new(own));
    let ratio = of_plugin.median() / own.median();
    Ok(vec![Row::judged(
        both.what,
        "at most 1.3 × krun's own kind",
        format!(
            "{ratio:.2} ×: {}, krun's own {}",
            of_plugin.text(),
            own.text()
        ),
        ratio <= 1.3,
    )])
}
