//! Signing what people of this site send (RFC 6376; RFC 8463 for Ed25519), for sites whose mail no relay signs.
//!
//! Header and body are signed in their relaxed forms, and the whole body. `From` is oversigned: the signature breaks if
//! another one is added.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};

use sekisho_checkpoint::address::MailAddress;
use sekisho_message::strict::{StrictHeader, senders};

/// The fields that are signed, where a message has them.
const SIGNED: [&str; 14] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
];
/// The fewest bytes of an RSA key's modulus (RFC 8301, section 3.2).
const SHORTEST_RSA: usize = 1024 / 8;

/// Signs for a domain.
pub struct Dkim {
    domain: String,
    selector: String,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why there can be no signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// The file holds no private key in PEM.
    #[error("there is no private key in PEM: -----BEGIN PRIVATE KEY-----")]
    NoKey,
    /// The key is of a kind or size that mail isn't signed with.
    #[error("the key is neither RSA of 2048 to 4096 bits nor Ed25519: {0}")]
    Unknown(String),
    /// The selector is not a valid name.
    #[error("a selector is made of letters, digits, hyphens and dots")]
    Selector,
}

impl Dkim {
    /// Takes a key in PEM: PKCS#8, or PKCS#1 for RSA.
    ///
    /// # Errors
    /// What is wrong with the key or the selector.
    pub fn new(domain: &str, selector: &str, pem: &str) -> Result<Arc<Self>, DkimError> {
        let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if selector.is_empty() || selector.len() > 63 || !selector.bytes().all(label) {
            return Err(DkimError::Selector);
        }
        Ok(Arc::new(Self {
            domain: domain.to_owned(),
            selector: selector.to_owned(),
            key: Key::parse(pem)?,
        }))
    }

    /// The name and the text of the DNS record that the site has to publish (RFC 6376, section 3.6.1).
    #[must_use]
    pub fn record(&self) -> (String, String) {
        let (kind, public) = match &self.key {
            Key::Rsa(pair) => ("rsa", public_info(pair.public().as_ref())),
            Key::Ed25519(pair) => ("ed25519", pair.public_key().as_ref().to_vec()),
        };
        let name = format!("{}._domainkey.{}", self.selector, self.domain);
        let public = BASE64_STANDARD.encode(public);
        (name, format!("v=DKIM1; k={kind}; p={public}"))
    }

    /// The message with a signature on top. It stays as it is if its author belongs to another domain, or if there is
    /// no single author.
    #[must_use]
    pub fn sign(&self, message: Vec<u8>, now: Timestamp) -> Vec<u8> {
        match self.signature(&message, now) {
            Some(signature) => [signature.as_bytes(), &message].concat(),
            None => message,
        }
    }

    fn signature(&self, message: &[u8], now: Timestamp) -> Option<String> {
        let header = StrictHeader::parse(message).ok()?;
        let mut authors = header.all("From");
        let author = senders(authors.next()?)?;
        let ours = |text: &String| {
            MailAddress::parse(text).is_ok_and(|a| a.domain().eq_ignore_ascii_case(&self.domain))
        };
        if authors.next().is_some() || !author.iter().all(ours) {
            return None;
        }
        let mut names = Vec::new();
        let mut input = Vec::new();
        for name in SIGNED {
            // Of several fields with one name, the lowest is signed first (section 5.4.2).
            let fields: Vec<_> = header.all(name).collect();
            for field in fields.into_iter().rev() {
                names.push(name);
                input.extend(relaxed(name, field.raw));
            }
        }
        names.push("From");
        let body = header.rest.strip_prefix(b"\r\n").unwrap_or_default();
        let digest = BASE64_STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let algorithm = match &self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let unsigned = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={};\r\n s={}; t={};\r\n h={};\r\n bh={digest};\r\n b=",
            self.domain,
            self.selector,
            now.as_second(),
            names.join(":\r\n  "),
        );
        // The field itself, with an empty value of `b=` and without its line end (section 3.7).
        let own = relaxed("DKIM-Signature", unsigned.as_bytes());
        input.extend_from_slice(own.strip_suffix(b"\r\n").unwrap_or(&own));
        let signature = BASE64_STANDARD.encode(self.key.sign(&input)?);
        let lines: Vec<&str> = signature
            .as_bytes()
            .chunks(72)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        Some(format!("{unsigned}{}\r\n", lines.join("\r\n  ")))
    }
}

impl std::fmt::Debug for Dkim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dkim")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

impl Key {
    fn parse(pem: &str) -> Result<Self, DkimError> {
        let mut lines = pem.lines().map(str::trim);
        let begin =
            lines.find(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY"));
        let begin = begin.ok_or(DkimError::NoKey)?;
        let text: String = lines
            .take_while(|line| !line.starts_with("-----"))
            .collect();
        let der =
            zeroize::Zeroizing::new(BASE64_STANDARD.decode(text).map_err(|_| DkimError::NoKey)?);
        let unknown = |error: ring::error::KeyRejected| DkimError::Unknown(error.to_string());
        if begin.contains("RSA") {
            return Self::rsa(RsaKeyPair::from_der(&der).map_err(unknown)?);
        }
        match Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            Ok(pair) => Ok(Self::Ed25519(pair)),
            Err(_) => Self::rsa(RsaKeyPair::from_pkcs8(&der).map_err(unknown)?),
        }
    }

    fn rsa(pair: RsaKeyPair) -> Result<Self, DkimError> {
        if pair.public().modulus_len() < SHORTEST_RSA {
            return Err(DkimError::Unknown("it is too short".to_owned()));
        }
        Ok(Self::Rsa(pair))
    }

    /// `None` if the system gives no random numbers.
    fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)
                    .ok()?;
                Some(signature)
            }
            // RFC 8463, section 3: the digest is what is signed.
            Self::Ed25519(pair) => Some(pair.sign(&Sha256::digest(input)).as_ref().to_vec()),
        }
    }
}

/// A field in relaxed form (section 3.4.2), with its line end. What lies beyond ASCII is left as it is.
fn relaxed(name: &str, raw: &[u8]) -> Vec<u8> {
    let colon = memchr::memchr(b':', raw).map_or(raw.len(), |at| at + 1);
    let mut value = raw[colon..].to_vec();
    value.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    let words: Vec<&[u8]> = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty())
        .collect();
    [
        name.to_ascii_lowercase().as_bytes(),
        b":",
        &words.join(&b' '),
        b"\r\n",
    ]
    .concat()
}

/// A body in relaxed form (section 3.4.4).
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut empty_lines = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        let mut relaxed = Vec::with_capacity(text.len());
        for &byte in text {
            match byte {
                b' ' | b'\t' if relaxed.last() == Some(&b' ') => {}
                b' ' | b'\t' => relaxed.push(b' '),
                _ => relaxed.push(byte),
            }
        }
        if relaxed.last() == Some(&b' ') {
            relaxed.pop();
        }
        if relaxed.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(&relaxed);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// For `fuzz/`: relaxing twice is the same as relaxing once, and signing only adds a field on top.
#[cfg(fuzzing)]
pub fn fuzz(message: &[u8]) {
    // Messages to be signed came by SMTP, so their lines end in CRLF.
    let lines: Vec<Vec<u8>> = message
        .split(|byte| *byte == b'\n')
        .map(|line| line.iter().copied().filter(|byte| *byte != b'\r').collect())
        .collect();
    let message = &lines.join(&b"\r\n"[..])[..];
    let once = relaxed("Subject", message);
    assert_eq!(relaxed("Subject", &once), once);
    let body = relaxed_body(message);
    assert_eq!(relaxed_body(&body), body);
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let dkim = Dkim::new("kit.example", "s", pem).expect("RFC 8410, section 10.3");
    let signed = dkim.sign(message.to_vec(), Timestamp::UNIX_EPOCH);
    let added = signed.strip_suffix(message).expect("the message");
    assert!(added.is_empty() || added.starts_with(b"DKIM-Signature: "));
    let field = added.split_inclusive(|byte| *byte == b'\n').skip(1);
    assert!(
        field
            .into_iter()
            .all(|line| line.starts_with(b" ") && line.ends_with(b"\r\n"))
    );
}

/// An RSA public key as a SubjectPublicKeyInfo (RFC 5280, section 4.1; RFC 3279, section 2.3.1).
fn public_info(key: &[u8]) -> Vec<u8> {
    const RSA_ENCRYPTION: [u8; 15] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let bits = der(0x03, &[&[0], key].concat());
    der(0x30, &[&RSA_ENCRYPTION[..], &bits].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u16::try_from(content.len()) {
        Ok(length @ 0..=127) => out.push(length.to_be_bytes()[1]),
        Ok(length) => {
            out.push(0x82);
            out.extend_from_slice(&length.to_be_bytes());
        }
        // No key is that long.
        Err(_) => return Vec::new(),
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6376, section 3.4.5.
    #[test]
    fn relaxed_forms_are_those_of_the_standard() {
        assert_eq!(relaxed("A", b"A: X\r\n"), b"a:X\r\n");
        assert_eq!(relaxed("B", b"B : Y\t\r\n\tZ  \r\n"), b"b:Y Z\r\n");
        assert_eq!(relaxed("B", b"B: \xe4\r\n"), b"b:\xe4\r\n");
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(relaxed_body(b"x"), b"x\r\n");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let new = |selector, pem| Dkim::new("kit.example", selector, pem).err();
        assert_eq!(new("s", "hello"), Some(DkimError::NoKey));
        assert_eq!(new("s/1", "hello"), Some(DkimError::Selector));
        let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(new("s", pem), Some(DkimError::Unknown(_))));
    }
}
