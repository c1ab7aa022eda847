//! Where things are and how they are shown, from arguments and environment: the only reader of both.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    sync::{Arc, OnceLock},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_journal::{Known, Lock, LockHolder, Store};
use krun_model::{
    DeploymentName, Fault, FaultCode, KillPoint, Reporter,
    journal::Who,
    secret::{SecretSource, is_name},
};
use krun_report::{HumanReporter, JsonReporter, Style, Verbosity};
use krun_run::{EventSender, Ledger, Session};
use krun_script::PathBase;
use krun_secrets::{KeyFile, Vault, Veil};
use tokio::sync::watch;

use crate::args::{ColorWhen, Global};

/// The variable by which `krun test` has krun end itself with SIGKILL at a record.
pub const KILL_AT: &str = "KRUN_KILL_AT";

/// The variable by which `krun test` names the folder that no effect may leave.
pub const FENCE: &str = "KRUN_FENCE";

/// What every command needs.
pub struct Context {
    pub global: Global,
    /// How standard output looks.
    pub out_style: Style,
    /// How standard error looks.
    pub err_style: Style,
    /// The exit code of wrong usage.
    pub usage: u8,
    /// What this command's stores have found out.
    known: Known,
    /// Values of secrets and the key, once a session was opened.
    vault: OnceLock<Arc<Vault>>,
    /// What this command's plugins run on, once one was needed.
    #[cfg(feature = "plugins")]
    pub plugins: Arc<OnceLock<krun_plugin::Runtime>>,
}

impl Context {
    pub fn new(global: &Global, usage: u8) -> Self {
        let out = std::io::stdout().is_terminal();
        let err = std::io::stderr().is_terminal();
        Self {
            global: global.clone(),
            out_style: style(global, out),
            err_style: style(global, err),
            usage,
            known: Known::default(),
            vault: OnceLock::new(),
            #[cfg(feature = "plugins")]
            plugins: Arc::default(),
        }
    }

    /// Data for the user: standard output. A closed pipe is the reader's wish.
    pub fn print(&self, text: &str) {
        let text = match self.veil() {
            Some(veil) => Cow::Owned(veil.conceal_data(text)),
            None => Cow::Borrowed(text),
        };
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// A remark: standard error, unless quiet.
    pub fn remark(&self, text: &str) {
        if !self.global.quiet {
            let _ = writeln!(std::io::stderr(), "{}", self.concealed(text));
        }
    }

    /// What went wrong: standard error, also when quiet.
    pub fn warn(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}", self.concealed(text));
    }

    /// A text without the values of secrets that are known by now.
    pub fn concealed<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.veil() {
            Some(veil) => Cow::Owned(veil.conceal(text)),
            None => Cow::Borrowed(text),
        }
    }

    fn veil(&self) -> Option<&Veil> {
        let veil = self.vault.get()?.veil();
        (!veil.is_empty()).then_some(veil)
    }

    /// Values of secrets and the key: one for all that this krun does.
    pub fn vault(&self) -> Result<Arc<Vault>, Fault> {
        if let Some(vault) = self.vault.get() {
            return Ok(vault.clone());
        }
        let mut overrides = BTreeMap::new();
        for given in &self.global.secrets {
            let (name, source) = secret_source(given)?;
            overrides.insert(name, source);
        }
        let key = match &self.global.key_file {
            Some(path) => absolute(path)?,
            None => home_folder("XDG_CONFIG_HOME", ".config")?.join("krun/secret.key"),
        };
        let vault = Arc::new(Vault::new(overrides, KeyFile(key)));
        Ok(self.vault.get_or_init(|| vault).clone())
    }

    /// Who shows the events of a run.
    pub fn reporter(&self) -> Box<dyn Reporter> {
        if self.global.json {
            Box::new(JsonReporter::new(std::io::stdout()))
        } else {
            Box::new(HumanReporter::new(self.err_style, std::io::stderr()))
        }
    }

    /// The state folder: `--state`, `KRUN_STATE`, or the XDG state folder.
    pub fn state_folder(&self) -> Result<Utf8PathBuf, Fault> {
        if let Some(named) = &self.global.state {
            let path = match named.split_once("://") {
                Some(("file", path)) => path,
                Some((scheme, _)) => {
                    return Err(Fault::new(
                        FaultCode::Usage,
                        format!("`{scheme}` is no state store that this krun knows"),
                    )
                    .at(named)
                    .hint("Give a folder, or a URL such as file:///var/lib/krun."));
                }
                None => named,
            };
            return absolute(path);
        }
        Ok(home_folder("XDG_STATE_HOME", ".local/state")?.join("krun"))
    }

    /// The cache folder for downloads.
    pub fn cache_folder(&self) -> Result<Utf8PathBuf, Fault> {
        Ok(home_folder("XDG_CACHE_HOME", ".cache")?.join("krun"))
    }

    /// The patterns for diagnosis: built in, and the user's.
    pub fn patterns(&self) -> Result<Arc<krun_kafka::diagnosis::Patterns>, Fault> {
        let mut patterns = krun_kafka::diagnosis::Patterns::builtin();
        let (path, asked) = match &self.global.patterns {
            Some(path) => (absolute(path)?, true),
            None => (
                home_folder("XDG_CONFIG_HOME", ".config")?.join("krun/patterns.yaml"),
                false,
            ),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => patterns.extend_yaml(&text).map_err(|error| {
                Fault::new(FaultCode::Usage, "the file of log patterns can't be read")
                    .at(&path)
                    .because(error)
                    .hint("Its shape is shown in the book, chapter \"Errors\".")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked => {}
            Err(error) => return Err(Fault::io("could not read the log patterns", &path, &error)),
        }
        Ok(Arc::new(patterns))
    }

    /// What `~` and relative paths in parameters mean.
    pub fn path_base(&self) -> Result<PathBase, Fault> {
        Ok(PathBase {
            cwd: cwd()?,
            home: std::env::var("HOME").ok().map(Into::into),
        })
    }

    /// The store, made if it is not there.
    pub fn store(&self) -> Result<Store, Fault> {
        let store = Store::open(&self.state_folder()?)?.knowing(&self.known);
        self.say_remarks(&store);
        Ok(store)
    }

    /// The store, with no other krun that writes to it.
    pub fn store_alone(&self) -> Result<Store, Fault> {
        let store = Store::open_alone(&self.state_folder()?)?.knowing(&self.known);
        self.say_remarks(&store);
        Ok(store)
    }

    /// What the store has to say about being opened, also when quiet: it is never nothing.
    fn say_remarks(&self, store: &Store) {
        for remark in store.remarks() {
            self.warn(&format!("note: {remark}"));
        }
    }

    /// The store if one is there; nothing is made.
    pub fn store_to_read(&self) -> Result<Option<Store>, Fault> {
        let store = Store::open_read(&self.state_folder()?)?;
        Ok(store.map(|store| store.knowing(&self.known)))
    }

    /// Takes a deployment for a command.
    pub fn lock(&self, store: &Store, name: &DeploymentName, command: &str) -> Result<Lock, Fault> {
        let who = who();
        store.lock(
            name,
            &LockHolder {
                pid: who.pid,
                user: who.user,
                host: who.host,
                since_ms: jiff::Timestamp::now().as_millisecond(),
                command: command.to_owned(),
            },
        )
    }

    /// A session on a deployment of this machine. One that does not exist yet gets `id` for its own,
    /// or a random one.
    pub fn session(
        &self,
        journal: Arc<dyn krun_model::Journal>,
        name: DeploymentName,
        id: Option<String>,
        events: EventSender,
        cancel: watch::Receiver<bool>,
    ) -> Result<Session, Fault> {
        let id = id.map_or_else(fresh_id, Ok)?;
        let machine = krun_agent::LocalMachine::new(self.cache_folder()?, cancel.clone())
            .offline(self.global.offline);
        let vault = self.vault()?;
        let ledger = Ledger::open(journal, name, id)?.killed_at(kill_point()?);
        let session = Session {
            ledger: Arc::new(ledger.concealing(vault.clone())),
            machine: Arc::new(machine),
            cluster: Arc::new(krun_kafka::ClusterEffector::new()),
            plugins: crate::registry::hands(self)?(Arc::new(krun_kafka::Network)),
            events: events.concealing(vault.clone()),
            who: who(),
            quarantine: self.state_folder()?.join("quarantine"),
            cancel,
            vault,
            fence: std::env::var(FENCE).ok().map(Into::into),
        };
        session.know_adopted();
        session.know_secrets();
        Ok(session)
    }
}

/// A secret and where it is had from, as `--secret` says. A text that is wrong is not repeated: it may be
/// a value.
pub fn secret_source(given: &str) -> Result<(String, SecretSource), Fault> {
    let wrong = |why: &str| {
        Fault::new(
            FaultCode::Usage,
            "`--secret` does not say where a value is had from",
        )
        .because(why)
        .hint("Write `--secret NAME=env:VARIABLE`, `--secret NAME=file:PATH` or `--secret 'NAME=command:PROGRAM ARGUMENTS'`.")
        .hint("A value itself has no place on a command line, which every user of the machine can read.")
    };
    let (name, source) = given
        .split_once('=')
        .ok_or_else(|| wrong("it has no `=`"))?;
    if !is_name(name) {
        return Err(wrong("what stands before `=` is no name of a secret"));
    }
    let source: SecretSource = source.parse().map_err(wrong)?;
    let source = match source {
        SecretSource::File(path) => SecretSource::File(absolute(path.as_str())?),
        source => source,
    };
    Ok((name.to_owned(), source))
}

/// The same as one option says it.
pub fn secret_option(name: &str, source: &SecretSource) -> String {
    match source {
        SecretSource::Env(variable) => format!("{name}=env:{variable}"),
        SecretSource::File(path) => format!("{name}=file:{path}"),
        SecretSource::Command(argv) => format!("{name}=command:{}", serde_json::json!(argv)),
    }
}

fn style(global: &Global, terminal: bool) -> Style {
    let color = match global.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let unicode = locale.is_none_or(|locale| locale.to_lowercase().contains("utf"));
    let verbosity = match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let width = if terminal {
        usize::from(console::Term::stderr().size().1)
    } else {
        0
    };
    Style {
        color,
        unicode,
        live: terminal,
        verbosity,
        width,
    }
}

fn cwd() -> Result<Utf8PathBuf, Fault> {
    let path = std::env::current_dir()
        .map_err(|error| Fault::io("could not tell the current folder", ".", &error))?;
    Utf8PathBuf::from_path_buf(path).map_err(|path| {
        Fault::new(FaultCode::Usage, "the current folder's name is not UTF-8").at(path.display())
    })
}

/// An absolute path from what a user typed.
pub fn absolute(path: &str) -> Result<Utf8PathBuf, Fault> {
    if Utf8Path::new(path).is_absolute() {
        return Ok(path.into());
    }
    Ok(cwd()?.join(path))
}

fn home_folder(variable: &str, below_home: &str) -> Result<Utf8PathBuf, Fault> {
    let set = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| value.starts_with('/'))
    };
    if let Some(folder) = set(variable) {
        return Ok(folder.into());
    }
    let home = set("HOME").ok_or_else(|| {
        Fault::new(
            FaultCode::Usage,
            format!("neither {variable} nor HOME is set"),
        )
        .hint("Name the state folder with `--state FOLDER`, and set HOME.")
    })?;
    Ok(Utf8Path::new(&home).join(below_home))
}

/// Who runs krun.
pub fn who() -> Who {
    let uname = rustix::system::uname();
    let uid = rustix::process::getuid().as_raw();
    Who {
        user: std::env::var("USER")
            .ok()
            .filter(|u| !u.is_empty())
            .unwrap_or(format!("uid {uid}")),
        host: uname.nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        krun: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Where krun is to end itself with SIGKILL: `KRUN_KILL_AT`, which only `krun test` sets.
fn kill_point() -> Result<Option<KillPoint>, Fault> {
    let Ok(text) = std::env::var(KILL_AT) else {
        return Ok(None);
    };
    let point = text.parse().map_err(|error| {
        Fault::new(FaultCode::Usage, format!("{KILL_AT} names no point")).because(error)
    })?;
    Ok(Some(point))
}

/// A random id for a new deployment, from the kernel.
fn fresh_id() -> Result<String, Fault> {
    let path = "/proc/sys/kernel/random/uuid";
    let id = std::fs::read_to_string(path)
        .map_err(|error| Fault::io("could not get a random id", path, &error))?;
    Ok(id.trim().to_owned())
}
