//! Where the jars and the default configuration of a layout come from.
//!
//! Three answers, one set of questions: what the link `libs` leads to, whether that is whole, how it is
//! brought, which files of configuration and which scripts come with it.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, ReadHost, WriteHost, host::FileKind, kind::Progress};

use super::{
    archive::{Archive, Place},
    maven,
    tree::Tree,
};
use crate::versions::{KafkaVersion, Product, with_data};

/// Where a layout's content comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The jars through Maven, the configuration from krun's own table.
    Maven,
    /// An archive, by way of the cache; or a folder of the user's, which is left as it is.
    Packed(Archive, &'static KafkaVersion),
}

/// What a source has, as far as it can be seen without changing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It goes by krun's table.
    Table,
    /// It is there.
    Tree(Tree),
    /// It must be brought first.
    NotYet,
}

impl Source {
    /// What there is of it.
    ///
    /// # Errors
    /// What can't be the distribution that is wanted, or can't be had.
    pub async fn look(&self, host: &dyn ReadHost) -> Result<Found, Fault> {
        Ok(match self {
            Self::Maven => Found::Table,
            Self::Packed(archive, row) => {
                if let Place::File(path) = &archive.place
                    && is_folder(host, path).await?
                {
                    return Ok(Found::Tree(Tree::look(host, path, row).await?));
                }
                match archive.cached(host, row).await? {
                    Some(tree) => Found::Tree(tree),
                    None => Found::NotYet,
                }
            }
        })
    }

    /// Whether the link `libs` leads where it should, and all jars are there.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn is_linked(
        &self,
        host: &dyn ReadHost,
        product: &Product,
        found: &Found,
        link: &str,
        libs: &Utf8Path,
    ) -> Result<bool, Fault> {
        match found {
            Found::Table => {
                let here = Utf8Path::new(link).ends_with(maven::place(product));
                Ok(here && maven::is_complete(host, libs).await?)
            }
            Found::Tree(tree) => Ok(tree.libs == link),
            Found::NotYet => Ok(false),
        }
    }

    /// Brings it, and says where its jars are.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn fetch(
        &self,
        host: &dyn WriteHost,
        product: &Product,
        java_home: Option<&Utf8Path>,
        progress: &dyn Progress,
    ) -> Result<(Utf8PathBuf, Found), Fault> {
        let tree = match (self, self.look(host).await?) {
            (Self::Maven, found) => {
                return Ok((maven::fetch(host, product, java_home).await?, found));
            }
            (_, Found::Tree(tree)) => tree,
            (Self::Packed(archive, row), _) => archive.fetch(host, row, progress).await?,
        };
        Ok((tree.libs.clone(), Found::Tree(tree)))
    }

    /// What is linked, for a plan.
    pub fn title(&self, product: &Product) -> String {
        let title = product.title();
        match self {
            Self::Maven => format!("{title} through Maven ({} MB)", product.jars.megabytes),
            Self::Packed(archive, _) => format!("{title} from {}", archive.from()),
        }
    }
}

impl Found {
    /// The files of the configuration with their text, by their paths below it; none where they are not
    /// known yet. `data` is where data goes that the defaults keep below `/tmp`.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn config(
        &self,
        host: &dyn ReadHost,
        product: &Product,
        data: Option<&str>,
    ) -> Result<Option<Vec<(Utf8PathBuf, Vec<u8>)>>, Fault> {
        Ok(match self {
            Self::NotYet => None,
            Self::Table => Some(
                product
                    .config
                    .iter()
                    .map(|file| (file.name.into(), file.with_data(data).into_bytes()))
                    .collect(),
            ),
            Self::Tree(tree) => {
                let mut files = vec![];
                for name in tree.config_files(host).await? {
                    let bytes = host
                        .read(&tree.config.join(&name))
                        .await?
                        .unwrap_or_default();
                    let bytes = match String::from_utf8(bytes) {
                        Ok(text) => with_data(&text, data).into_bytes(),
                        Err(error) => error.into_bytes(),
                    };
                    files.push((name, bytes));
                }
                Some(files)
            }
        })
    }

    /// The scripts that come with it, by their names in `bin/`.
    ///
    /// # Errors
    /// What the host reports.
    pub async fn scripts(&self, host: &dyn ReadHost) -> Result<Vec<(String, Utf8PathBuf)>, Fault> {
        let Self::Tree(tree) = self else {
            return Ok(vec![]);
        };
        let bin = tree.root.join("bin");
        let names = tree.scripts(host).await?;
        Ok(names
            .into_iter()
            .map(|name| (name.clone(), bin.join(name)))
            .collect())
    }
}

/// Whether a folder is at a path, or a link to one.
async fn is_folder(host: &dyn ReadHost, path: &Utf8Path) -> Result<bool, Fault> {
    Ok(match host.stat(path).await?.map(|stat| stat.kind) {
        Some(FileKind::Dir) => true,
        Some(FileKind::Link) => host.list(path).await?.is_some(),
        _ => false,
    })
}
