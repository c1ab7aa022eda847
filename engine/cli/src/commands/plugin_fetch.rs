//! `krun plugin add URL`: a component over the network, and what its bytes must be.

use camino::Utf8PathBuf;
use krun_agent::LocalMachine;
use krun_model::{
    Checksum, Fault, FaultCode,
    download::{Download, Look, Patience},
    host::Machine as _,
    kind::Progress,
};
use krun_plugin::Plugin;
use tokio::sync::watch;

use super::runtime;
use crate::{context::Context, errors::CliError};

/// No component is larger.
const LIMIT: u64 = 256 << 20;

/// A component that was fetched; gone with this.
pub struct Fetched {
    _folder: tempfile::TempDir,
    pub file: Utf8PathBuf,
}

/// Fetches a component, where what is given is a URL.
pub fn fetched(
    context: &Context,
    text: &str,
    sha256: Option<&str>,
) -> Result<Option<Fetched>, CliError> {
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return Ok(None);
    }
    let checksum = sha256.map(checksum).transpose()?;
    let folder = tempfile::tempdir()
        .map_err(|error| Fault::io("could not make a folder for the plugin", "$TMPDIR", &error))?;
    let file = Utf8PathBuf::from_path_buf(folder.path().join("plugin.wasm")).map_err(|path| {
        Fault::new(FaultCode::Usage, "the temporary folder's name is not UTF-8").at(path.display())
    })?;
    let what = Download {
        url: text.to_owned(),
        to: file.clone(),
        checksum,
        look: Look::Any,
        limit: LIMIT,
        patience: Patience::default(),
    };
    let (_, cancel) = watch::channel(false);
    let machine =
        LocalMachine::new(context.cache_folder()?, cancel).offline(context.global.offline);
    match runtime()?.block_on(machine.download(&what, &Said(context)))? {
        Some(_) => Ok(Some(Fetched {
            _folder: folder,
            file,
        })),
        None => Err(
            Fault::new(FaultCode::Download, "there is no plugin at this address")
                .at(text)
                .into(),
        ),
    }
}

fn checksum(digits: &str) -> Result<Checksum, Fault> {
    let sum = Checksum::from_hex(digits).filter(|_| digits.len() == 64);
    sum.ok_or_else(|| Fault::new(FaultCode::Usage, "this is no SHA-256").at(digits))
}

/// Refuses a component that has another SHA-256 than it must have.
pub fn is_wanted(plugin: &Plugin, sha256: Option<&str>) -> Result<(), Fault> {
    let Some(wanted) = sha256 else {
        return Ok(());
    };
    let wanted = checksum(wanted)?;
    match wanted.hex() == plugin.sha256() {
        true => Ok(()),
        false => Err(Fault::new(
            FaultCode::Plugin,
            "the plugin is not the one that is wanted",
        )
        .at(plugin.name())
        .because(format!("its SHA-256 is {}", plugin.sha256()))),
    }
}

struct Said<'a>(&'a Context);

impl Progress for Said<'_> {
    fn say(&self, text: &str) {
        self.0.remark(text);
    }
}
