//! The file with the key: outside of the state, for its owner only, made when it is needed first.
//!
//! It holds a line of text, `krun-key-1 ` and 64 hexadecimal digits of randomness from the kernel. It is
//! never overwritten. Two kruns that make it at the same time get the same one.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use zeroize::Zeroizing;

/// What the line begins with.
const BEGINNING: &str = "krun-key-1 ";

/// The bytes of a key.
pub type Key = Zeroizing<[u8; 32]>;

/// Where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile(pub Utf8PathBuf);

impl KeyFile {
    /// The key; none where no file is.
    ///
    /// # Errors
    /// A file that others can read, that holds no key, or that can't be read.
    pub fn read(&self) -> Result<Option<Key>, Fault> {
        let path = &self.0;
        let failed = |error: std::io::Error| Fault::io("could not read the key", path, &error);
        let wrong = |why: &str| {
            Fault::new(FaultCode::SecretKey, "this is no key to use")
                .at(path)
                .because(why)
        };
        let meta = match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            meta => meta.map_err(failed)?,
        };
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others than its owner may read or write it")
                .hint(format!("Take their rights away: `chmod 600 {path}`.")));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let digits = text.trim_end().strip_prefix(BEGINNING);
        let key = digits.and_then(parse).ok_or_else(|| {
            wrong("it does not hold what krun writes there")
                .hint("Put back the key that was there, or name another file with KRUN_KEY_FILE.")
        })?;
        Ok(Some(key))
    }

    /// Keeps a key durably, unless one is there: the one that is there then.
    ///
    /// # Errors
    /// As [`KeyFile::read`]; what the filesystem reports.
    pub fn keep(&self, key: &Key) -> Result<Key, Fault> {
        let path = &self.0;
        let failed = |error: std::io::Error| Fault::io("could not write the key", path, &error);
        let folder = path.parent().unwrap_or(Utf8Path::new("/"));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
        let mut file = tempfile::Builder::new()
            .prefix(".krun-key-")
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)
            .map_err(failed)?;
        let mut line = Zeroizing::new(String::with_capacity(BEGINNING.len() + 65));
        line.push_str(BEGINNING);
        key.iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .for_each(|digit| line.push(digit));
        line.push('\n');
        file.write_all(line.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != ErrorKind::AlreadyExists => {
                return Err(failed(error.error));
            }
            _ => {}
        }
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        self.read()?
            .ok_or_else(|| failed(ErrorKind::NotFound.into()))
    }
}

/// A key that nobody has yet.
///
/// # Errors
/// The kernel gives no randomness.
pub fn fresh() -> Result<Key, Fault> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key)
        .map_err(|error| Fault::internal(format!("no randomness for a key: {error}")))?;
    Ok(key)
}

fn parse(digits: &str) -> Option<Key> {
    let digits: &[u8; 64] = digits.as_bytes().try_into().ok()?;
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.as_chunks::<2>().0) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(pair[0])? << 4 | value(pair[1])?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path())
            .unwrap()
            .join("a/b/secret.key");
        let file = KeyFile(path.clone());
        assert_eq!(file.read().unwrap(), None);
        let key = file.keep(&fresh().unwrap()).unwrap();
        assert_eq!(
            file.keep(&fresh().unwrap()).unwrap(),
            key,
            "never overwritten"
        );
        let mode = |path: &Utf8Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(file.read().unwrap_err().code, FaultCode::SecretKey);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "krun-key-1 abc").unwrap();
        assert_eq!(file.read().unwrap_err().code, FaultCode::SecretKey);
    }
}
