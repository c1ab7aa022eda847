//! A lab with planted secrets, in which nothing that krun leaves behind is overlooked: its own folders for
//! everything that krun writes, all that it prints, and every `execve` of it and its descendants.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use krun_tests::lab::{Done, Lab};

/// A lab, a runbook and values.
pub struct Bench {
    pub lab: Lab,
    values: RefCell<BTreeMap<String, String>>,
    /// All values that ever were.
    planted: RefCell<Vec<String>>,
    /// Files and folders that may hold secrets.
    targets: RefCell<Vec<PathBuf>>,
    runs: Cell<usize>,
}

impl Bench {
    /// A lab whose runbook has this text, with `LAB` for its folder, and with values for these secrets:
    /// `db` in a variable, all others in files.
    pub fn new(text: &str, names: &[&str]) -> Self {
        let lab = Lab::new(1);
        let bench = Self {
            targets: RefCell::new(vec![lab.path("root"), lab.path("secrets")]),
            lab,
            values: RefCell::default(),
            planted: RefCell::default(),
            runs: Cell::new(0),
        };
        fs::create_dir_all(bench.lab.path("root")).expect("folders");
        for name in names {
            bench.rotate(name);
        }
        bench.write_runbook(text);
        bench
    }

    /// Gives the runbook another text.
    pub fn write_runbook(&self, text: &str) {
        let head = "runbook(#{name: \"secrets\", version: \"1\", summary: \"secrets\"});\n";
        let folder = self.lab.path("").display().to_string();
        let text = text.replace("LAB", folder.trim_end_matches('/'));
        let text = text.replace("PORT", &self.lab.ports.list[0].to_string());
        self.lab.write("secrets.rhai", &format!("{head}{text}"));
    }

    pub fn runbook(&self) -> String {
        self.lab.path("secrets.rhai").display().to_string()
    }

    /// The value of a secret now.
    pub fn value(&self, name: &str) -> String {
        self.values.borrow()[name].clone()
    }

    /// Gives a secret another value: random, with what has to be escaped somewhere.
    pub fn rotate(&self, name: &str) {
        let random = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("randomness");
        let random = random.trim().replace('-', "");
        let value = format!("{}#=\\t \"!:%{}'&/+", &random[..16], &random[16..]);
        self.lab
            .write(&format!("secrets/{name}"), &format!("{value}\n"));
        self.planted.borrow_mut().push(value.clone());
        self.values.borrow_mut().insert(name.to_owned(), value);
    }

    /// Says that a file or folder may hold secrets.
    pub fn is_a_target(&self, path: &Path) {
        self.targets.borrow_mut().push(path.to_owned());
    }

    /// krun with its values; everything it says and starts is kept.
    pub fn krun(&self, arguments: &[&str]) -> Done {
        self.traced(arguments, &[("KRUN_SECRET_DB", &self.value("db"))])
    }

    /// krun without the value that is in a variable.
    pub fn without_values(&self, arguments: &[&str]) -> Done {
        self.traced(arguments, &[])
    }

    /// krun with values and variables.
    pub fn krun_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Done {
        let value = self.value("db");
        let mut all = vec![("KRUN_SECRET_DB", value.as_str())];
        all.extend(env);
        self.traced(arguments, &all)
    }

    /// strace follows krun and all that it starts, so that no `execve` is missed, however short.
    fn traced(&self, arguments: &[&str], env: &[(&str, &str)]) -> Done {
        let krun = self.lab.krun(arguments);
        let number = self.runs.get() + 1;
        self.runs.set(number);
        let trace = self.lab.path(&format!("seen/{number}.execve"));
        fs::create_dir_all(trace.parent().expect("a parent")).expect("folders");
        let mut command = Command::new("strace");
        command
            .args([
                "-f",
                "-qq",
                "-s",
                "1000000",
                "-e",
                "trace=execve,execveat",
                "-o",
            ])
            .arg(&trace)
            .arg(krun.get_program())
            .args(krun.get_args())
            .current_dir(self.lab.path(""))
            .envs(
                krun.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env_remove("NO_COLOR")
            .env("HOME", self.lab.path("home"))
            .env("TMPDIR", self.lab.path("tmp"))
            .env("XDG_CACHE_HOME", self.lab.path("cache"))
            .env("XDG_RUNTIME_DIR", self.lab.path("runtime"))
            .envs(env.iter().copied())
            .stdin(std::process::Stdio::null());
        for folder in ["home", "tmp", "cache", "runtime"] {
            fs::create_dir_all(self.lab.path(folder)).expect("folders");
        }
        let done = Done::of(command);
        self.lab.write(&format!("seen/{number}.out"), &done.out());
        self.lab.write(&format!("seen/{number}.err"), &done.err());
        let traced = fs::read_to_string(&trace).expect("a trace");
        assert!(
            traced.contains("execve("),
            "strace saw krun: {}",
            done.err()
        );
        done
    }

    /// Searches every byte of the lab outside the targets for every form of every value.
    #[track_caller]
    pub fn search(&self) {
        let mut files = vec![];
        self.collect(&self.lab.path(""), &mut files);
        assert!(!files.is_empty());
        search_files(&self.planted.borrow(), &files);
    }

    fn collect(&self, at: &Path, files: &mut Vec<PathBuf>) {
        if self
            .targets
            .borrow()
            .iter()
            .any(|target| at.starts_with(target))
        {
            return;
        }
        let meta = fs::symlink_metadata(at).expect("the lab");
        if meta.is_dir() {
            for entry in fs::read_dir(at).expect("a folder").flatten() {
                self.collect(&entry.path(), files);
            }
        } else if meta.is_file() {
            files.push(at.to_owned());
        }
        let name = at.to_string_lossy();
        let planted = self.planted.borrow();
        assert!(planted.iter().all(|value| !name.contains(value)), "a name");
    }
}

/// Searches files for every form of some values.
#[track_caller]
pub fn search_files(values: &[String], files: &[PathBuf]) {
    for value in values {
        let forms = forms(value);
        for file in files {
            let mut bytes = fs::read(file).expect("a file");
            // ZooKeeper writes its logs into files of 64 MB that are empty at first.
            let end = bytes.iter().rposition(|byte| *byte != 0);
            bytes.truncate(end.map_or(0, |last| last + 1));
            for (what, form) in &forms {
                let found = bytes
                    .windows(form.len())
                    .any(|part| part == form.as_bytes());
                assert!(!found, "a secret, {what}, in {}", file.display());
            }
        }
    }
}

/// A value as it is, in part, and encoded in the ways of files, URLs and logs.
fn forms(value: &str) -> Vec<(&'static str, String)> {
    let bytes = value.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let url: String = bytes.iter().map(percent).collect();
    let json = serde_json::to_string(value).expect("JSON");
    let properties = value
        .replace('\\', "\\\\")
        .replace('=', "\\=")
        .replace(':', "\\:");
    // Base64 of a text within another depends on where it begins.
    let inner = |skip: usize| STANDARD_NO_PAD.encode(&bytes[skip..skip + 27]);
    vec![
        ("as it is", value.to_owned()),
        ("its first half", value[..16].to_owned()),
        ("its second half", value[25..41].to_owned()),
        ("as JSON", json.trim_matches('"').to_owned()),
        ("as a property", properties),
        ("in base64", STANDARD_NO_PAD.encode(bytes)),
        ("in base64 for URLs", URL_SAFE_NO_PAD.encode(bytes)),
        ("within base64, shifted by 1", inner(2)),
        ("within base64, shifted by 2", inner(1)),
        ("in hexadecimal digits", hex.clone()),
        ("in capital hexadecimal digits", hex.to_uppercase()),
        ("in a URL", url),
    ]
}

/// The search finds what it looks for, in files and on command lines.
#[test]
fn the_search_can_fail() {
    let bench = Bench::new("", &["db"]);
    let value = bench.value("db");
    bench.search();
    let finds =
        || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bench.search())).is_err();
    for (what, form) in forms(&value) {
        let file = bench.lab.write("state/x", &format!("\0 {form} \0"));
        assert!(finds(), "{what}");
        fs::remove_file(file).expect("removed");
        bench.search();
    }
    // Base64 of a text in which the value begins at any place.
    for before in ["", "a", "ab"] {
        let text = STANDARD_NO_PAD.encode(format!("{before}{value}"));
        let file = bench.lab.write("state/x", &text);
        assert!(finds(), "in base64 behind {before:?}");
        fs::remove_file(file).expect("removed");
    }
    bench.write_runbook(&format!(
        "secret(\"x\", #{{command: [\"true\", {}]}}); file(\"f\", #{{path: \"LAB/root/f\", content: secret(\"x\")}});\n",
        serde_json::json!(value[..16])
    ));
    bench.is_a_target(&bench.lab.path("secrets.rhai"));
    // What this prints names the command, so that only the trace is left to be looked at.
    bench.krun(&["plan", &bench.runbook(), "--quiet"]).expect(4);
    for name in ["seen/1.out", "seen/1.err"] {
        bench.is_a_target(&bench.lab.path(name));
    }
    assert!(finds(), "an argument of a command that lived for a moment");
}

/// Permission bits.
pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}
