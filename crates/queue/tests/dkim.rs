//! Signatures, held against an independent verifier (dkimpy).

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sekisho_queue::dkim::Dkim;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const NOW: Timestamp = Timestamp::constant(1_795_517_008, 0);

fn run(program: &str, words: &[&str], input: &[u8]) -> Outcome<String> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program}: {error}; scripts/test installs it"))?;
    child.stdin.take().ok_or("no input")?.write_all(input)?;
    let output = child.wait_with_output()?;
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether dkimpy takes a message's signature, given the DNS record.
fn is_valid(message: &[u8], record: &(String, String)) -> Outcome<bool> {
    let script = "import dkim, sys\n\
                  name, text = sys.argv[1:]\n\
                  def dns(asked, timeout=5):\n    return text.encode() if asked.decode().rstrip('.') == name else None\n\
                  print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=dns))";
    let said = run(
        "/usr/bin/python3",
        &["-c", script, &record.0, &record.1],
        message,
    )?;
    Ok(said.trim() == "True")
}

#[test]
fn signed_mail_is_taken_for_what_it_is_and_changed_mail_is_not() -> Outcome<()> {
    let rsa = run(
        "openssl",
        &[
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ],
        b"",
    )?;
    let old_rsa = run("openssl", &["rsa", "-traditional"], rsa.as_bytes())?;
    let ed25519 = run(
        "openssl",
        &["genpkey", "-quiet", "-algorithm", "ED25519"],
        b"",
    )?;
    let message = "Received: by x\r\nFrom: =?utf-8?B?5bGx55Sw?= <hanako@kit.example>\r\nTo: ken@far.example,\r\n\tmo@far.example\r\n\
                   Subject:  a   folded\r\n subject\r\nDate: Tue, 24 Nov 2026 10:43:28 +0900\r\nMessage-ID: <1@kit.example>\r\n\r\n\
                   Hello  there \r\n\r\n  over\tthere\r\n\r\n\r\n";
    for (kind, pem) in [("rsa", &rsa), ("rsa", &old_rsa), ("ed25519", &ed25519)] {
        let dkim = Dkim::new("kit.example", "s2026", pem)?;
        let record = dkim.record();
        assert_eq!(record.0, "s2026._domainkey.kit.example");
        assert!(record.1.contains(&format!("k={kind}; p=")), "{}", record.1);
        for text in [
            message,
            "From: hanako@kit.example\r\n\r\n",
            "From: hanako@kit.example\r\n",
        ] {
            let signed = dkim.sign(text.as_bytes().to_vec(), NOW);
            assert!(
                is_valid(&signed, &record)?,
                "{kind}: {}",
                String::from_utf8_lossy(&signed)
            );
            let signed = String::from_utf8(signed)?;
            assert!(signed.lines().all(|line| line.len() <= 78), "{signed}");
            let second = signed.replace("From: ", "From: x@far.example\r\nFrom: ");
            assert!(
                !is_valid(second.as_bytes(), &record)?,
                "a second author is taken"
            );
        }
        let signed = String::from_utf8(dkim.sign(message.as_bytes().to_vec(), NOW))?;
        let changed = signed.replace("Hello", "Hallo");
        assert!(
            !is_valid(changed.as_bytes(), &record)?,
            "another text is taken"
        );
    }
    Ok(())
}

#[test]
fn only_the_domains_own_mail_is_signed() -> Outcome<()> {
    let pkcs8 = ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new());
    let pkcs8 = BASE64_STANDARD.encode(pkcs8.map_err(|_| "no key")?);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n");
    let dkim = Dkim::new("kit.example", "s", &pem)?;
    for text in [
        "From: x@far.example\r\n\r\n",
        "From: a@kit.example, x@far.example\r\n\r\n",
        "From: a@kit.example\r\nFrom: b@kit.example\r\n\r\n",
        "Subject: nobody\r\n\r\n",
        "no header",
    ] {
        assert_eq!(
            dkim.sign(text.as_bytes().to_vec(), NOW),
            text.as_bytes(),
            "{text}"
        );
    }
    assert_ne!(
        dkim.sign(b"From: A@KIT.example\r\n\r\n".to_vec(), NOW),
        b"From: A@KIT.example\r\n\r\n"
    );
    Ok(())
}
