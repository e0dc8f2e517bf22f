//! Tests against the vectors that the OTP app is tested against, too; an independent program made them.

use std::error::Error;

use sekisho_otp::{AppCode, OtpKey, Step, UserCode};
use serde::Deserialize;

#[derive(Deserialize)]
struct Agreement {
    vectors: Vec<Vector>,
    typed_alike: TypedAlike,
    refused: Vec<String>,
}

#[derive(Deserialize)]
struct Vector {
    app_code: String,
    user_code: String,
    key_hex: String,
    totp: Vec<Totp>,
}

#[derive(Deserialize)]
struct Totp {
    unix_time: i64,
    code: String,
}

#[derive(Deserialize)]
struct TypedAlike {
    code: String,
    also: Vec<String>,
}

fn agreement() -> Result<Agreement, serde_json::Error> {
    serde_json::from_str(include_str!("../../../apps/otp/code-agreement.json"))
}

#[test]
fn both_sides_agree_on_the_key_and_on_its_codes() -> Result<(), Box<dyn Error>> {
    for vector in agreement()?.vectors {
        let app = AppCode::parse(&vector.app_code)?;
        let user = UserCode::parse(&vector.user_code)?;
        assert_eq!(app.grouped(), vector.app_code);
        assert_eq!(user.grouped(), vector.user_code);

        let key = OtpKey::agree(&app, &user);
        assert_eq!(hex(key.expose_bytes()), vector.key_hex);
        for totp in vector.totp {
            let step = Step::at(totp.unix_time);
            let code = key.code(step);
            assert_eq!(code.expose(), totp.code);
            assert_eq!(key.find(&code, totp.unix_time), Some(step));
        }
    }
    Ok(())
}

#[test]
fn a_code_typed_carelessly_is_the_same_code() -> Result<(), Box<dyn Error>> {
    let typed_alike = agreement()?.typed_alike;
    let code = UserCode::parse(&typed_alike.code)?;
    for also in typed_alike.also {
        assert_eq!(UserCode::parse(&also)?, code, "{also:?}");
    }
    Ok(())
}

#[test]
fn what_is_not_a_code_is_refused() -> Result<(), Box<dyn Error>> {
    for refused in agreement()?.refused {
        assert!(AppCode::parse(&refused).is_err(), "{refused:?}");
        assert!(UserCode::parse(&refused).is_err(), "{refused:?}");
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
