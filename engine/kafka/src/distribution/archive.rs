//! A distribution that comes as an archive: a file, or a URL.
//!
//! Owns the way from what the user named to a folder of the cache that holds exactly what the checksum
//! says, under a name made of that checksum: `kafka/archives/<kind>-<digits>/`. Beside them, `files/`
//! keeps what was downloaded, and `sums/` the publishers' checksum files. Everything in there may be
//! deleted at any time and comes again.
//!
//! | the archive is | its checksum comes from |
//! |---|---|
//! | a file or a URL | `checksum`: the digits, a checksum file, the URL of one |
//! | a URL | else the file `….sha512` beside it; without one it is refused, unless `unverified` says so |
//! | a file | else `….sha512` or `….sha256` beside it; without one, whatever it adds up to |

mod faults;
mod wanted;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Checksum, Digest, Fault, Map, ReadHost, WriteHost,
    checksum::Algorithm,
    download::{Download, Look, Patience, Unpack},
    kind::Progress,
};

pub use self::wanted::{Archive, Place};
use super::{
    checksum_file,
    tree::{Publisher, Tree},
};
use crate::versions::KafkaVersion;

/// Below the cache folder.
const ARCHIVES: &str = "kafka/archives";
/// The list that an unpacked folder has; see [`Unpack`].
const COMPLETE: &str = ".complete";
/// The largest archive: Confluent's are of 2 GB.
const LARGEST: u64 = 4 << 30;
/// The most bytes that its files may have together.
const UNPACKED: u64 = 12 << 30;
/// The largest checksum file.
const LARGEST_SUM: u64 = 1 << 20;

impl Archive {
    /// What the cache has of it, whole, without any network.
    ///
    /// # Errors
    /// A checksum file that is none, an archive that is not there, a distribution that is not the one
    /// that is wanted; with `--offline` also what would have to be downloaded.
    pub async fn cached(
        &self,
        host: &dyn ReadHost,
        row: &KafkaVersion,
    ) -> Result<Option<Tree>, Fault> {
        let place = host.cache_place().await.join(ARCHIVES);
        let Some(sum) = self.known_sum(host, &place).await? else {
            if host.is_offline().await {
                return Err(faults::offline_sum(self, &self.sums(&place)));
            }
            return Ok(None);
        };
        let tree = tree(host, &place.join(sum.key()), row).await?;
        if tree.is_none() {
            self.must_be_within_reach(host, &place, &sum).await?;
        }
        Ok(tree)
    }

    /// Whether the archive can be had at all.
    async fn must_be_within_reach(
        &self,
        host: &dyn ReadHost,
        place: &Utf8Path,
        sum: &Checksum,
    ) -> Result<(), Fault> {
        match &self.place {
            Place::File(path) if host.stat(path).await?.is_none() => Err(faults::no_file(path)),
            Place::Url(_) if host.is_offline().await => {
                let file = self.file(place, Some(sum));
                match host.stat(&file).await? {
                    Some(_) => Ok(()),
                    None => Err(faults::offline(self, &file)),
                }
            }
            _ => Ok(()),
        }
    }

    /// Brings it into the cache.
    ///
    /// # Errors
    /// What stands in the way, from the network to another version of Kafka.
    pub async fn fetch(
        &self,
        host: &dyn WriteHost,
        row: &KafkaVersion,
        progress: &dyn Progress,
    ) -> Result<Tree, Fault> {
        let place = host.cache().await?.join(ARCHIVES);
        let sum = match self.known_sum(host, &place).await? {
            Some(sum) => Some(sum),
            None => self.fetch_sum(host, &place).await?,
        };
        if let Some(sum) = &sum
            && let Some(tree) = tree(host, &place.join(sum.key()), row).await?
        {
            return Ok(tree);
        }
        progress.say(self.name());
        let (archive, sum) = match (&self.place, sum) {
            (Place::File(path), Some(sum)) => (path.clone(), sum),
            (Place::File(path), None) => return Err(faults::no_file(path)),
            (Place::Url(url), sum) => self.download(host, url, &place, sum).await?,
        };
        let folder = place.join(sum.key());
        self.set_broken_aside(host, &folder).await?;
        host.unpack(&Unpack {
            archive,
            to: folder.clone(),
            checksum: sum,
            limit: UNPACKED,
        })
        .await?;
        let found = tree(host, &folder, row).await?;
        found.ok_or_else(|| Fault::internal("an archive was unpacked and is not there").at(folder))
    }

    async fn download(
        &self,
        host: &dyn WriteHost,
        url: &str,
        place: &Utf8Path,
        sum: Option<Checksum>,
    ) -> Result<(Utf8PathBuf, Checksum), Fault> {
        let to = self.file(place, sum.as_ref());
        let download = Download {
            url: url.to_owned(),
            to: to.clone(),
            checksum: sum,
            look: Look::Gzip,
            limit: LARGEST,
            patience: Patience::default(),
        };
        let done = match host.download(&download).await {
            Ok(done) => done.ok_or_else(|| faults::no_such_url(url))?,
            Err(fault) => {
                // A checksum that the publisher has corrected meanwhile is read anew the next time.
                if fault
                    .evidence
                    .iter()
                    .any(|line| line.starts_with("wanted "))
                {
                    self.forget_sum(host, place).await?;
                }
                return Err(fault);
            }
        };
        Ok((to, done.checksum))
    }

    /// The file of a URL in the cache.
    fn file(&self, place: &Utf8Path, sum: Option<&Checksum>) -> Utf8PathBuf {
        let folder = match sum {
            Some(sum) => sum.key(),
            None => format!("unverified-{}", self.key()),
        };
        place.join("files").join(folder).join(self.name())
    }

    /// The publisher's checksum file in the cache.
    fn sums(&self, place: &Utf8Path) -> Utf8PathBuf {
        place
            .join("sums")
            .join(self.key())
            .join(format!("{}.sha512", self.name()))
    }

    fn key(&self) -> String {
        Digest::of(format!("{} {:?}", self.from(), self.sum_url())).short()
    }

    /// The checksum, as far as it is known here.
    async fn known_sum(
        &self,
        host: &dyn ReadHost,
        place: &Utf8Path,
    ) -> Result<Option<Checksum>, Fault> {
        if let Some(sum) = self.given_sum() {
            return Ok(Some(sum.clone()));
        }
        if let Some(path) = self.sum_path() {
            let text = host
                .read(path)
                .await?
                .ok_or_else(|| faults::no_sum_file(path))?;
            return checksum_file::find(&text, self.name())
                .map(Some)
                .map_err(|fault| fault.at(path));
        }
        match &self.place {
            Place::File(path) => self.sum_of_file(host, path).await,
            Place::Url(_) => {
                if let Some(text) = host.read(&self.sums(place)).await? {
                    // One that cannot be read is fetched again, and complained of then.
                    return Ok(checksum_file::find(&text, self.name()).ok());
                }
                match self.unverified {
                    true => {
                        host.checksum(&self.file(place, None), Algorithm::Sha512)
                            .await
                    }
                    false => Ok(None),
                }
            }
        }
    }

    /// The checksum of a file: of the checksum file beside it, or what it adds up to.
    async fn sum_of_file(
        &self,
        host: &dyn ReadHost,
        path: &Utf8Path,
    ) -> Result<Option<Checksum>, Fault> {
        for ending in ["sha512", "sha256"] {
            let beside = Utf8PathBuf::from(format!("{path}.{ending}"));
            if let Some(text) = host.read(&beside).await? {
                return checksum_file::find(&text, self.name())
                    .map(Some)
                    .map_err(|fault| fault.at(beside));
            }
        }
        match host.checksum(path, Algorithm::Sha512).await? {
            Some(sum) => Ok(Some(sum)),
            None => Err(faults::no_file(path)),
        }
    }

    /// Fetches the publisher's checksum file; none where there is none and none is asked for.
    async fn fetch_sum(
        &self,
        host: &dyn WriteHost,
        place: &Utf8Path,
    ) -> Result<Option<Checksum>, Fault> {
        let Place::Url(archive) = &self.place else {
            return Ok(None);
        };
        let beside = format!("{archive}.sha512");
        let url = self.sum_url().unwrap_or(&beside);
        let to = self.sums(place);
        self.forget_sum(host, place).await?;
        let download = Download {
            url: url.to_owned(),
            to: to.clone(),
            checksum: None,
            look: Look::Any,
            limit: LARGEST_SUM,
            patience: Patience::default(),
        };
        if host.download(&download).await?.is_none() {
            return match (self.sum_url(), self.unverified) {
                (Some(url), _) => Err(faults::no_such_url(url)),
                (None, true) => Ok(None),
                (None, false) => Err(faults::no_sum(self, &beside)),
            };
        }
        let text = host.read(&to).await?.unwrap_or_default();
        match checksum_file::find(&text, self.name()) {
            Ok(sum) => Ok(Some(sum)),
            Err(fault) => {
                self.forget_sum(host, place).await?;
                // A server that answers everything with a page says as much as one that has none.
                match (self.sum_url(), self.unverified) {
                    (None, true) => Ok(None),
                    _ => Err(fault.at(url)),
                }
            }
        }
    }

    async fn forget_sum(&self, host: &dyn WriteHost, place: &Utf8Path) -> Result<(), Fault> {
        let path = self.sums(place);
        if host.stat(&path).await?.is_none() {
            return Ok(());
        }
        in_cache(host, &["rm", "-f", path.as_str()]).await
    }

    /// A folder of which files were deleted is no use to anybody; it is renamed, so that a process that
    /// has its files open goes on.
    async fn set_broken_aside(&self, host: &dyn WriteHost, folder: &Utf8Path) -> Result<(), Fault> {
        if host.stat(folder).await?.is_none() {
            return Ok(());
        }
        let script = "mv -T \"$1\" \"$1.broken-$$\"";
        in_cache(host, &["sh", "-c", script, "krun-archive", folder.as_str()]).await
    }
}

/// Runs a command that changes nothing but the cache.
async fn in_cache(host: &dyn WriteHost, argv: &[&str]) -> Result<(), Fault> {
    let argv: Vec<_> = argv.iter().map(|&word| word.to_owned()).collect();
    let cwd = host.cache().await?;
    let limit = std::time::Duration::from_secs(60);
    host.fetch(&argv, &cwd, &Map::new(), limit).await.map(drop)
}

/// The distribution in an unpacked folder, if it is there and whole.
async fn tree(
    host: &dyn ReadHost,
    folder: &Utf8Path,
    row: &KafkaVersion,
) -> Result<Option<Tree>, Fault> {
    let Some(list) = host.read(&folder.join(COMPLETE)).await? else {
        return Ok(None);
    };
    let mut names = host.list(folder).await?.unwrap_or_default();
    names.retain(|name| name != COMPLETE);
    // Archives have one folder in which everything is.
    let root = match names.as_slice() {
        [one] => folder.join(one),
        _ => folder.to_owned(),
    };
    let list = String::from_utf8_lossy(&list);
    for publisher in [Publisher::Apache, Publisher::Confluent] {
        let tree = Tree::of(publisher, &root);
        for part in [&tree.libs, &tree.config] {
            if !holds_all(host, folder, part, &list).await? {
                return Ok(None);
            }
        }
    }
    Tree::look(host, &root, row).await.map(Some)
}

/// Whether a folder has all files that it had when it was unpacked; one that never had any has.
async fn holds_all(
    host: &dyn ReadHost,
    unpacked: &Utf8Path,
    part: &Utf8Path,
    list: &str,
) -> Result<bool, Fault> {
    let names = host.list(part).await?.unwrap_or_default();
    let below = part.strip_prefix(unpacked).unwrap_or(part);
    let mut wanted = list
        .lines()
        .filter_map(|line| Some(Utf8Path::new(line.split_once(' ')?.1)))
        .filter(|path| path.parent() == Some(below));
    Ok(wanted.all(|path| names.iter().any(|name| path.file_name() == Some(name))))
}
