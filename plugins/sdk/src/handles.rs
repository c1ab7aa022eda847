//! What a kind is handed: a reader to look with, a writer to change with.

use crate::{
    Cluster, CommandOutput, Fault, FileEntry, Group, Level, QuotaOf, Response, Setting, SettingsOf,
    bindings::krun::plugin::{
        commands, file_changes, files, host, http, kafka, kafka_changes, key_value, log as wit_log,
        waiting,
    },
};

/// Says a line to whoever watches the run.
pub fn log(level: Level, text: &str) {
    wit_log::write(level, text);
}

/// Says what the step is doing now.
pub fn progress(text: &str) {
    wit_log::progress(text);
}

/// A machine, and what can be reached from it, to look at. What `krun.lock` does not grant is refused
/// with [`FaultCode::NotGranted`](crate::FaultCode), by a fault that names the missing line.
#[derive(Debug)]
pub struct Reader<'a>(pub(crate) &'a host::Reader);

/// Each function: see the function of the same name in `plugins/wit`.
///
/// # Errors
/// What the host reports: a missing grant, or what went wrong.
impl Reader<'_> {
    /// The machine's name; `local` for the one that krun runs on.
    pub fn machine(&self) -> String {
        self.0.machine()
    }

    /// What is at a path; none where nothing is.
    pub fn stat(&self, path: &str) -> Result<Option<FileEntry>, Fault> {
        Ok(files::stat(self.0, path)?)
    }

    /// The bytes of a file, at most 16 MiB; none where nothing is.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(files::read(self.0, path)?)
    }

    /// The names in a folder, sorted; none where no folder is.
    pub fn names(&self, path: &str) -> Result<Option<Vec<String>>, Fault> {
        Ok(files::names(self.0, path)?)
    }

    /// Runs a granted program that only reads, for at most so many milliseconds.
    pub fn ask(&self, argv: &[&str], limit: u32) -> Result<CommandOutput, Fault> {
        let argv: Vec<_> = argv.iter().map(|word| (*word).to_owned()).collect();
        Ok(commands::ask(self.0, &argv, limit)?)
    }

    /// Sends a GET to a granted server, for at most so many milliseconds; follows no redirect.
    pub fn get(&self, url: &str, limit: u32) -> Result<Response, Fault> {
        Ok(http::get(self.0, url, &[], limit)?)
    }

    /// A cluster: brokers, topics, partitions.
    pub fn cluster(&self, bootstrap: &[String]) -> Result<Cluster, Fault> {
        Ok(kafka::look(self.0, bootstrap)?)
    }

    /// The settings that hold for a topic or a broker; none where there is no such topic.
    pub fn settings(
        &self,
        bootstrap: &[String],
        of: &SettingsOf,
    ) -> Result<Option<Vec<Setting>>, Fault> {
        Ok(kafka::settings(self.0, bootstrap, of)?)
    }

    /// The consumer groups of a cluster.
    pub fn groups(&self, bootstrap: &[String]) -> Result<Vec<Group>, Fault> {
        Ok(kafka::groups(self.0, bootstrap)?)
    }

    /// Waits; ends early, with a fault, when the run is stopped.
    pub fn pause(&self, milliseconds: u32) -> Result<(), Fault> {
        Ok(waiting::pause(self.0, milliseconds)?)
    }

    /// Whether the run is to stop.
    pub fn stopped(&self) -> Result<bool, Fault> {
        Ok(waiting::stopped(self.0)?)
    }

    /// What is kept for the step under a key.
    pub fn kept(&self, key: &str) -> Result<Option<String>, Fault> {
        Ok(key_value::get(self.0, key)?)
    }

    /// All keys under which something is kept for the step.
    pub fn kept_keys(&self) -> Result<Vec<String>, Fault> {
        Ok(key_value::keys(self.0)?)
    }

    /// The quotas that are set for exactly these, by key.
    pub fn quotas(&self, bootstrap: &[String], of: &QuotaOf) -> Result<Vec<(String, f64)>, Fault> {
        Ok(kafka::quotas(self.0, bootstrap, of)?)
    }
}

/// A machine, and what can be reached from it, to change. Each change is journaled before it happens.
#[derive(Debug)]
pub struct Writer<'a>(pub(crate) &'a host::Writer);

/// Each function: see the function of the same name in `plugins/wit`.
///
/// # Errors
/// What the host reports: a missing grant, or what went wrong.
impl Writer<'_> {
    /// The machine's name; `local` for the one that krun runs on.
    pub fn machine(&self) -> String {
        self.0.machine()
    }

    /// Writes a file as a whole.
    pub fn write(&self, path: &str, content: &[u8], mode: u32) -> Result<(), Fault> {
        Ok(file_changes::write(self.0, path, content, mode)?)
    }

    /// Removes a file, a link or an empty folder.
    pub fn remove(&self, path: &str) -> Result<(), Fault> {
        Ok(file_changes::remove(self.0, path)?)
    }

    /// Makes one folder.
    pub fn make_folder(&self, path: &str, mode: u32) -> Result<(), Fault> {
        Ok(file_changes::make_folder(self.0, path, mode)?)
    }

    /// Makes a symbolic link.
    pub fn link(&self, path: &str, to: &str) -> Result<(), Fault> {
        Ok(file_changes::link(self.0, path, to)?)
    }

    /// Creates a topic.
    pub fn create_topic(
        &self,
        bootstrap: &[String],
        name: &str,
        partitions: u32,
        replication_factor: u32,
        settings: &[(String, String)],
    ) -> Result<(), Fault> {
        Ok(kafka_changes::create_topic(
            self.0,
            bootstrap,
            name,
            partitions,
            replication_factor,
            settings,
        )?)
    }

    /// Sets some settings, or takes them away where no value is given.
    pub fn alter_settings(
        &self,
        bootstrap: &[String],
        of: &SettingsOf,
        changes: &[(String, Option<String>)],
    ) -> Result<(), Fault> {
        Ok(kafka_changes::alter_settings(
            self.0, bootstrap, of, changes,
        )?)
    }

    /// Keeps a value for the step, or nothing more where none is given.
    pub fn keep(&self, key: &str, value: Option<&str>) -> Result<(), Fault> {
        Ok(key_value::set(self.0, key, value)?)
    }

    /// Sets some quotas, or takes them away where no value is given.
    pub fn alter_quotas(
        &self,
        bootstrap: &[String],
        of: &QuotaOf,
        changes: &[(String, Option<f64>)],
    ) -> Result<(), Fault> {
        Ok(kafka_changes::alter_quotas(self.0, bootstrap, of, changes)?)
    }

    /// Adds partitions up to a number, which cannot be taken back.
    pub fn add_partitions(
        &self,
        bootstrap: &[String],
        name: &str,
        total: u32,
    ) -> Result<(), Fault> {
        Ok(kafka_changes::add_partitions(
            self.0, bootstrap, name, total,
        )?)
    }
}
