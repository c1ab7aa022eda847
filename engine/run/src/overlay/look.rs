//! Reading the machine as it will be.

use std::{fmt::Debug, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Bytes, Checksum, Digest, Fault, FaultCode, HttpAnswer, HttpQuestion, ProcessId, ReadHost,
    TargetState,
    checksum::{Algorithm, Summing},
    host::{CommandOutput, FileKind, FileStat, PortHolder},
    process::Running,
};

use super::{Lens, tree::Place};

impl Lens<'_> {
    /// The nearest path above, itself included, that is there on the machine now.
    async fn nearest(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
        for path in path.ancestors() {
            match self.place(path, true).await?.1 {
                Place::Machine(real) => return Ok(real),
                Place::Made {
                    below: Some(real), ..
                } => return Ok(real),
                Place::Made { .. } | Place::Nothing => {}
            }
        }
        Ok("/".into())
    }

    /// Bytes of a file that is foreseen, or where to read them.
    async fn bytes(&self, path: &Utf8Path) -> Result<Found, Fault> {
        Ok(match self.place(path, true).await?.1 {
            Place::Machine(real) => Found::At(real),
            Place::Nothing => Found::None,
            Place::Made {
                bytes: Some(bytes), ..
            } => Found::Foreseen(bytes),
            Place::Made { .. } => {
                return Err(Fault::new(FaultCode::Io, "this is not a regular file").at(path));
            }
        })
    }
}

enum Found {
    None,
    At(Utf8PathBuf),
    Foreseen(Bytes),
}

/// The metadata of what an effect makes. Its size is that of its bytes; a device it has not yet.
fn stat_of(state: &TargetState, bytes: Option<&Bytes>) -> Option<FileStat> {
    let (kind, mode, uid, gid) = match state {
        TargetState::File { mode, uid, gid, .. } => (FileKind::File, *mode, *uid, *gid),
        TargetState::Dir { mode, uid, gid } => (FileKind::Dir, *mode, *uid, *gid),
        TargetState::Link { .. } => (FileKind::Link, 0o777, 0, 0),
        _ => return None,
    };
    Some(FileStat {
        kind,
        size: bytes.map_or(0, |bytes| bytes.len() as u64),
        mode,
        uid,
        gid,
        device: 0,
    })
}

/// A line for the digest of what was seen.
fn line(what: &str, of: impl Debug, found: impl Debug) -> String {
    format!("{what} {of:?} {found:?}")
}

#[async_trait]
impl ReadHost for Lens<'_> {
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
        let stat = match self.place(path, false).await?.1 {
            Place::Machine(real) if path.as_str().ends_with("/.") => {
                self.session.machine.stat(&real.join(".")).await?
            }
            Place::Machine(real) => self.session.machine.stat(&real).await?,
            Place::Nothing => None,
            Place::Made { state, bytes, .. } => stat_of(&state, bytes.as_ref()),
        };
        self.saw(|| {
            // The size of a folder depends on its filesystem, and its device on the boot.
            let found = stat.map(|stat| {
                let size = Some(stat.size).filter(|_| stat.kind == FileKind::File);
                (stat.kind, stat.mode, stat.uid, stat.gid, size)
            });
            line("stat", path, found)
        });
        Ok(stat)
    }

    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
        let machine = &*self.session.machine;
        let bytes = match self.bytes(path).await? {
            Found::None => None,
            Found::At(real) => self.overlay.glances.read(machine, &real).await?,
            Found::Foreseen(bytes) => Some(bytes.to_vec()),
        };
        self.saw(|| {
            line(
                "read",
                path,
                bytes.as_ref().map(|b| Digest::of(b).to_string()),
            )
        });
        Ok(bytes)
    }

    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
        // What a log says since a place in it is no state that a plan rests on.
        match self.bytes(path).await? {
            Found::None => Ok(vec![]),
            Found::At(real) => self.session.machine.read_from(&real, offset, max).await,
            Found::Foreseen(bytes) => {
                let size = bytes.len() as u64;
                let from = offset.min(size);
                let to = from.saturating_add(max).min(size);
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                Ok(bytes
                    .get(place(from)..place(to))
                    .unwrap_or_default()
                    .to_vec())
            }
        }
    }

    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
        let (settled, place) = self.place(path, true).await?;
        let machine = &*self.session.machine;
        let there = match place {
            Place::Machine(real)
            | Place::Made {
                below: Some(real), ..
            } => self.overlay.glances.list(machine, &real).await?,
            Place::Made {
                state: TargetState::Dir { .. },
                ..
            } => Some(vec![]),
            Place::Made { .. } | Place::Nothing => None,
        };
        let names = there
            .as_ref()
            .map(|there| self.overlay.tree().list(&settled, there.clone()));
        if names != there {
            self.ahead.store(true, Ordering::Relaxed);
        }
        self.saw(|| line("list", path, &names));
        Ok(names)
    }

    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault> {
        let digest = match self.bytes(path).await? {
            Found::None => None,
            Found::At(real) => self.session.machine.digest(&real).await?,
            Found::Foreseen(bytes) => Some(Digest::of(&bytes)),
        };
        self.saw(|| line("read", path, digest.map(|digest| digest.to_string())));
        Ok(digest)
    }

    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault> {
        let checksum = match self.bytes(path).await? {
            Found::None => None,
            Found::At(real) => self.session.machine.checksum(&real, algorithm).await?,
            Found::Foreseen(bytes) => {
                let mut sum = Summing::new(algorithm);
                sum.update(&bytes);
                Some(sum.finish())
            }
        };
        self.saw(|| line("read", path, &checksum));
        Ok(checksum)
    }

    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault> {
        let state = match self.place(path, false).await?.1 {
            Place::Machine(real) => self.session.machine.path_state(&real).await?,
            Place::Nothing => TargetState::Absent,
            Place::Made { state, .. } => state,
        };
        self.saw(|| line("state", path, Digest::of_json(&state).to_string()));
        Ok(state)
    }

    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        let running = self.session.machine.process(id).await?;
        // That it runs, and with what: a pid is no difference.
        self.saw(|| {
            let digest = running
                .as_ref()
                .map(|running| running.digest.map(|d| d.to_string()));
            line("process", id.step.as_str(), digest)
        });
        Ok(running)
    }

    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault> {
        let holder = self.session.machine.port_holder(port).await?;
        self.saw(|| line("port", port, holder.as_ref().map(|holder| &holder.id)));
        Ok(holder)
    }

    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault> {
        let (_, place) = self.place(path, true).await?;
        let user = match place {
            Place::Machine(real) => self.session.machine.folder_user(&real).await?,
            Place::Made {
                below: Some(real), ..
            } => self.session.machine.folder_user(&real).await?,
            Place::Made { .. } | Place::Nothing => None,
        };
        self.saw(|| line("user", path, user.is_some()));
        Ok(user)
    }

    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault> {
        let near = self.nearest(path).await?;
        let writable = self.session.machine.writable(&near).await?;
        self.saw(|| line("writable", path, writable));
        Ok(writable)
    }

    async fn free_disk(&self, path: &Utf8Path) -> Result<u64, Fault> {
        let near = self.nearest(path).await?;
        self.session.machine.free_disk(&near).await
    }

    async fn free_memory(&self) -> Result<u64, Fault> {
        self.session.machine.free_memory().await
    }

    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault> {
        let path = self.session.machine.which(program).await?;
        self.saw(|| line("which", program, &path));
        Ok(path)
    }

    async fn ask(&self, argv: &[String], limit: Duration) -> Result<CommandOutput, Fault> {
        let output = self.session.machine.ask(argv, limit).await?;
        self.saw(|| line("ask", argv, (&output.code, &output.stdout)));
        Ok(output)
    }

    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
        // Pages have the time in them, and worse. What a plan rests on is what a check makes of one.
        self.session.machine.http_get(question).await
    }

    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        let missing = self.session.machine.missing_packages(names).await?;
        self.saw(|| line("missing", names, &missing));
        Ok(missing)
    }

    async fn env(&self, name: &str) -> Option<String> {
        let value = self.session.machine.env(name).await;
        self.saw(|| line("env", name, &value));
        value
    }

    async fn cache_place(&self) -> Utf8PathBuf {
        self.session.machine.cache_place().await
    }

    async fn is_offline(&self) -> bool {
        self.session.machine.is_offline().await
    }

    async fn pause(&self, time: Duration) -> Result<(), Fault> {
        self.session.machine.pause(time).await
    }
}
