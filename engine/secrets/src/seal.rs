//! Sealing: encryption that is the same for the same content, and keyed hashes.
//!
//! | bytes | what |
//! |---|---|
//! | `krun-sealed-1\n` | what it is, and how it is made |
//! | 8 | which key |
//! | 24 | nonce: the first bytes of HMAC-SHA256 of the content |
//! | rest | XChaCha20-Poly1305 of the content; the 22 bytes before the nonce are authenticated with it |
//!
//! The nonce follows from the content (as in RFC 5297), so that it never serves two contents, and
//! sealing once more what was sealed before a crash gives the same blob under the same digest. What that
//! tells, that two contents are equal, the journal tells anyway. Each use has a key of its own, made from
//! the one in the file. Never reads or writes a file.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use krun_model::{Digest, Fault, FaultCode};
use sha2::Sha256;
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"krun-sealed-1\n";
const ID: usize = 8;
const NONCE: usize = 24;

/// By which a key is known; says nothing about it.
pub type KeyId = [u8; ID];

/// A key, and what can be done with it.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    nonces: Zeroizing<[u8; 32]>,
    digests: Zeroizing<[u8; 32]>,
    id: KeyId,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Keys for each use, from the one that a file holds.
    pub fn new(key: &[u8; 32]) -> Self {
        let of = |what: &str| Zeroizing::new(mac(key, &[what.as_bytes()]));
        let mut id = [0; ID];
        id.copy_from_slice(&of("krun key id")[..ID]);
        Self {
            cipher: XChaCha20Poly1305::new((&*of("krun seal")).into()),
            nonces: of("krun nonce"),
            digests: of("krun digest"),
            id,
        }
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The sealed form of some content.
    ///
    /// # Errors
    /// Content that is too large for the cipher: more than 256 GB.
    pub fn seal(&self, content: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce = &mac(&self.nonces, &[content])[..NONCE];
        let mut sealed = [MAGIC, &self.id].concat();
        let payload = Payload {
            msg: content,
            aad: &sealed,
        };
        let nonce_of = XNonce::try_from(nonce).map_err(|_| failed())?;
        let encrypted = self
            .cipher
            .encrypt(&nonce_of, payload)
            .map_err(|_| failed())?;
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(&encrypted);
        Ok(sealed)
    }

    /// The content of a sealed form.
    ///
    /// # Errors
    /// It was sealed with another key, or is damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let damaged = || {
            Fault::new(FaultCode::StateDamaged, "sealed content cannot be opened")
                .because("its bytes are not those that were sealed")
        };
        if key_of(sealed).ok_or_else(damaged)? != self.id {
            return Err(another());
        }
        let (head, rest) = sealed.split_at(MAGIC.len() + ID);
        let (nonce, encrypted) = rest.split_at_checked(NONCE).ok_or_else(damaged)?;
        let payload = Payload {
            msg: encrypted,
            aad: head,
        };
        let nonce = XNonce::try_from(nonce).map_err(|_| damaged())?;
        let content = self
            .cipher
            .decrypt(&nonce, payload)
            .map_err(|_| damaged())?;
        Ok(Zeroizing::new(content))
    }

    /// A digest that only who has the key can make from what it is made of.
    pub fn keyed(&self, digest: Digest) -> Digest {
        Digest::from_bytes(mac(&self.digests, &[digest.as_bytes()]))
    }
}

/// Which key sealed something; none where it is no sealed form.
pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
    let rest = sealed.strip_prefix(MAGIC)?;
    rest.get(..ID)?.try_into().ok()
}

/// The fault of a key that is not the one that is needed.
pub fn another() -> Fault {
    Fault::new(
        FaultCode::SecretKey,
        "this is not the key that sealed the content of files with secrets",
    )
    .hint("Put back the key that this deployment was made with, or name it with KRUN_KEY_FILE.")
    .hint("Nothing is lost: what is sealed stays as it is.")
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // An HMAC takes keys of any length.
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => return [0; 32],
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn failed() -> Fault {
    Fault::internal("content could not be sealed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_and_opened() {
        let sealer = Sealer::new(&[7; 32]);
        for content in [&b""[..], b"hunter2", &[0; 100_000]] {
            let sealed = sealer.seal(content).unwrap();
            assert_eq!(sealed, sealer.seal(content).unwrap(), "the same each time");
            assert_eq!(*sealer.open(&sealed).unwrap(), content);
            assert!(content.is_empty() || !sealed.windows(content.len()).any(|w| w == content));
        }
    }

    #[test]
    fn what_is_not_opened() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(b"hunter2").unwrap();
        let other = Sealer::new(&[8; 32]).open(&sealed).unwrap_err();
        assert_eq!(other.code, FaultCode::SecretKey);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(sealer.open(&damaged).is_err(), "byte {at}");
            assert!(sealer.open(&sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn digests_need_the_key() {
        let digest = Digest::of("hunter2");
        let (one, two) = (Sealer::new(&[7; 32]), Sealer::new(&[8; 32]));
        assert_eq!(one.keyed(digest), one.keyed(digest));
        assert_ne!(one.keyed(digest), two.keyed(digest));
        assert_ne!(one.keyed(digest), digest);
        assert_ne!(one.id(), two.id());
    }
}
