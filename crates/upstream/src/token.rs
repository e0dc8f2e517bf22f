//! Tokens that log a person in at an upstream: JSON Web Tokens (RFC 7519) signed with ES256 (RFC 7518, section 3.4),
//! valid for a minute.

use std::fmt;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;
use zeroize::Zeroizing;

/// How long a token is valid, in seconds. It is used at once.
const HOLDS: i64 = 60;

/// How far the upstream's clock may be behind, in seconds.
const LEEWAY: i64 = 30;

/// The key that signs tokens, with the claims that are the same in all of them.
pub struct TokenKey {
    key: EcdsaKeyPair,
    random: SystemRandom,
    header: String,
    issuer: String,
    audience: String,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// The error for a file without a private key for ES256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no private key for ES256 in it: make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
)]
pub struct NoKey;

impl TokenKey {
    /// Takes a private key in PEM (PKCS #8). `id` becomes `kid` in each token, `issuer` becomes `iss`, `audience`
    /// becomes `aud`.
    ///
    /// # Errors
    /// [`NoKey`] if there is no such key in `pem`.
    pub fn new(pem: &str, id: &str, issuer: &str, audience: &str) -> Result<Self, NoKey> {
        let random = SystemRandom::new();
        let body: Zeroizing<String> = Zeroizing::new(
            pem.lines()
                .skip_while(|line| *line != "-----BEGIN PRIVATE KEY-----")
                .skip(1)
                .take_while(|line| !line.starts_with("-----"))
                .collect(),
        );
        let der = BASE64_STANDARD.decode(body.as_bytes()).map(Zeroizing::new);
        let der = der.map_err(|_| NoKey)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random);
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": id }).to_string();
        Ok(Self {
            key: key.map_err(|_| NoKey)?,
            random,
            header: BASE64_URL_SAFE_NO_PAD.encode(header),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        })
    }

    /// A token for `user`; `None` only if the system provides no random numbers.
    pub(crate) fn token_for(&self, user: &str, now: Timestamp) -> Option<Zeroizing<String>> {
        let second = now.as_second();
        let claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user,
            "iat": second,
            "nbf": second - LEEWAY,
            "exp": second + HOLDS,
        });
        let body = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        let mut token = Zeroizing::new(format!("{}.{body}", self.header));
        let signature = self.key.sign(&self.random, token.as_bytes()).ok()?;
        token.push('.');
        token.push_str(&BASE64_URL_SAFE_NO_PAD.encode(signature));
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};

    fn key() -> TokenKey {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let der = BASE64_STANDARD.encode(der.expect("a key"));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        TokenKey::new(&pem, "s2026", "https://mail.kit.example", "dovecot").expect("a key")
    }

    #[test]
    fn a_token_names_the_person_for_a_minute_under_the_key() {
        let key = key();
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let token = key.token_for("hanako", now).expect("a token");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let public = UnparsedPublicKey::new(
            &ECDSA_P256_SHA256_FIXED,
            key.key.public_key().as_ref().to_vec(),
        );
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
        let claims = signed.split('.').nth(1).expect("claims");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(claims["sub"], "hanako");
        assert_eq!(claims["exp"], 1_800_000_060);
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        for text in [
            "",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert_eq!(TokenKey::new(text, "k", "i", "a").err(), Some(NoKey));
        }
        assert_eq!(format!("{:?}", key()), "TokenKey(..)");
    }
}
