//! Files: links and `..` are resolved, then the grant is looked for, then the resolved path is used.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Content, Effect, Fault, FaultCode,
    host::{FileKind, FileStat},
};

use super::Desk;
use crate::{Grant, bindings::krun::plugin::files, place};

/// The largest file that a guest reads or writes.
const MAX_BYTES: u64 = 16 << 20;

impl Desk<'_> {
    pub(crate) async fn stat(&self, path: String) -> Result<Option<files::Entry>, Fault> {
        let look = async {
            let path = place::of_entry(self.look, &path).await?;
            self.may_read(&path).await?;
            Ok(self.look.stat(&path).await?.map(entry))
        };
        self.in_time("looking at it", &path, look).await
    }

    pub(crate) async fn read(&self, path: String) -> Result<Option<Vec<u8>>, Fault> {
        let look = async {
            let path = place::of_content(self.look, &path).await?;
            self.may_read(&path).await?;
            match self.look.stat(&path).await? {
                None => Ok(None),
                Some(stat) if stat.kind != FileKind::File => {
                    Err(Fault::new(FaultCode::Io, "this is no regular file").at(&path))
                }
                Some(stat) if stat.size > MAX_BYTES => Err(too_large(&path, stat.size)),
                Some(_) => {
                    // It may grow in between, and what is asked for here is bounded all the same.
                    let bytes = self.look.read_from(&path, 0, MAX_BYTES + 1).await?;
                    match bytes.len() as u64 {
                        size if size > MAX_BYTES => Err(too_large(&path, size)),
                        _ => Ok(Some(bytes)),
                    }
                }
            }
        };
        self.in_time("reading it", &path, look).await
    }

    pub(crate) async fn names(&self, path: String) -> Result<Option<Vec<String>>, Fault> {
        let look = async {
            let path = place::of_content(self.look, &path).await?;
            self.may_read(&path).await?;
            self.look.list(&path).await
        };
        self.in_time("listing it", &path, look).await
    }

    pub(crate) async fn write(&self, path: String, bytes: Vec<u8>, mode: u32) -> Result<(), Fault> {
        let path = self.may_write(&path).await?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(too_large(&path, bytes.len() as u64));
        }
        let effect = Effect::WriteFile {
            path,
            content: Content::new(bytes),
            mode: plain(mode)?,
            owner: None,
        };
        self.perform(effect).await.map(drop)
    }

    pub(crate) async fn remove(&self, path: String) -> Result<(), Fault> {
        let path = self.may_write(&path).await?;
        let effect = match self.look.stat(&path).await? {
            None => return Ok(()),
            Some(stat) if stat.kind == FileKind::Dir => Effect::RemoveDir { path },
            Some(_) => Effect::RemoveFile { path },
        };
        self.perform(effect).await.map(drop)
    }

    pub(crate) async fn make_folder(&self, path: String, mode: u32) -> Result<(), Fault> {
        let path = self.may_write(&path).await?;
        let mode = plain(mode)?;
        self.perform(Effect::MakeDir { path, mode }).await.map(drop)
    }

    pub(crate) async fn link(&self, path: String, to: String) -> Result<(), Fault> {
        let path = self.may_write(&path).await?;
        // Where it leads must be the plugin's to read: others follow links with rights of their own.
        let from = path.parent().unwrap_or(Utf8Path::new("/")).join(&to);
        let leads_to = place::of_content(self.look, from.as_str()).await?;
        self.may_read(&leads_to).await?;
        self.perform(Effect::Link { path, to }).await.map(drop)
    }

    async fn may_read(&self, path: &Utf8Path) -> Result<(), Fault> {
        match self.is_below(path, false).await? {
            true => Ok(()),
            false => Err(self.not_granted(&Grant::Read(path.to_owned()))),
        }
    }

    /// The path that is to be changed, if it may be.
    async fn may_write(&self, path: &str) -> Result<Utf8PathBuf, Fault> {
        let path = place::of_entry(self.look, path).await?;
        match self.is_below(&path, true).await? {
            true => Ok(path),
            false => Err(self.not_granted(&Grant::Write(path))),
        }
    }

    async fn is_below(&self, path: &Utf8Path, to_change: bool) -> Result<bool, Fault> {
        for grant in self.granted() {
            let prefix = match grant {
                Grant::Write(prefix) => prefix,
                Grant::Read(prefix) if !to_change => prefix,
                _ => continue,
            };
            // What is granted may itself be reached by a link, such as /tmp on some systems.
            let resolved = place::of_content(self.look, prefix.as_str()).await?;
            if path.starts_with(&resolved) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Permission bits without set-user-id and the like, which a plugin has no business with.
fn plain(mode: u32) -> Result<u32, Fault> {
    match mode & !0o777 {
        0 => Ok(mode),
        _ => Err(
            Fault::new(FaultCode::Script, "a plugin sets permission bits only")
                .because(format!("{mode:o} is more than that")),
        ),
    }
}

fn too_large(path: &Utf8Path, size: u64) -> Fault {
    Fault::new(FaultCode::Io, "the file is too large for a plugin")
        .at(path)
        .because(format!("it has {size} bytes, and {MAX_BYTES} are allowed"))
}

fn entry(stat: FileStat) -> files::Entry {
    files::Entry {
        kind: match stat.kind {
            FileKind::File => files::EntryKind::File,
            FileKind::Dir => files::EntryKind::Folder,
            FileKind::Link => files::EntryKind::Link,
            FileKind::Other => files::EntryKind::Other,
        },
        size: stat.size,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        device: stat.device,
    }
}
