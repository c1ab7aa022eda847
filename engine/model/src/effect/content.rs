//! The bytes that an effect writes or hands over.

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::{Bytes, Digest, Fault, Map};

/// The bytes of a file to write, or of a process's variable. The journal keeps the digest; the bytes are
/// a blob beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// Digest of the bytes; that of their sealed form once they were sealed.
    pub digest: Digest,
    /// The bytes, once loaded.
    #[serde(skip)]
    pub bytes: Option<Bytes>,
    /// Whether a secret stands in them, so that they must be sealed before anything is written down.
    #[serde(skip)]
    pub secret: bool,
    /// The values of the secrets that stand in them, by name: sealed blobs. So it is known later what
    /// must not be shown, though the value is another by then.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<Digest>,
}

impl Content {
    /// Content from bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: Digest::of(&bytes),
            bytes: Some(bytes),
            secret: false,
            values: Map::new(),
        }
    }

    /// Content from bytes in which a secret stands.
    pub fn with_secret(bytes: impl Into<Bytes>) -> Self {
        Self {
            secret: true,
            ..Self::new(bytes)
        }
    }

    /// Whether its bytes hold a secret, and are not sealed yet.
    pub fn is_open(&self) -> bool {
        self.secret && !self.digest.is_sealed()
    }

    /// The blobs that it needs, by their names in a store.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        let values = self.values.values().copied();
        std::iter::once(self.digest).chain(values).map(Digest::blob)
    }

    /// The bytes, which must be loaded by now; `path` is where they are to be.
    ///
    /// # Errors
    /// A defect of whoever performs the effect: they are not.
    pub fn loaded(&self, path: &Utf8Path) -> Result<&Bytes, Fault> {
        self.bytes
            .as_ref()
            .ok_or_else(|| Fault::internal("the bytes of a file to write were not loaded").at(path))
    }

    /// Content of which only the digest is known yet.
    pub fn stored(digest: Digest) -> Self {
        Self {
            digest,
            bytes: None,
            secret: digest.is_sealed(),
            values: Map::new(),
        }
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Content {}
