use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::http::HeaderValue;

use super::*;

/// The keys in the order of a catalogue's files, duplicates included.
fn keys(lang: Lang) -> Vec<String> {
    sources(lang)
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.split_once(" = "))
        .filter(|(key, _)| !key.starts_with([' ', '#']))
        .map(|(key, _)| key.to_owned())
        .collect()
}

/// All source code of the crate, except this module's.
fn source_code() -> String {
    fn gather(folder: &Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("lang") {
                gather(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("lang.rs") {
                into.push_str(&std::fs::read_to_string(path).expect("a file"));
            }
        }
    }
    let mut text = String::new();
    gather(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut text,
    );
    text
}

/// The key of each `t!` call, with the names of its values.
fn uses(code: &str) -> Vec<(String, BTreeSet<String>)> {
    code.match_indices("t!(")
        // Skips macros whose names only end in `t`.
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .filter_map(|(at, call)| {
            let rest = &code[at + call.len()..];
            let (_, rest) = rest.split_once(',')?;
            let rest = rest.trim_start().strip_prefix('"')?;
            let (key, rest) = rest.split_once('"')?;
            let mut depth = 1;
            let call: String = rest
                .chars()
                .take_while(|c| {
                    depth += i32::from(*c == '(') - i32::from(*c == ')');
                    depth > 0
                })
                .collect();
            let words: Vec<&str> = call.split_whitespace().collect();
            let names = words
                .windows(2)
                .filter(|pair| pair[1] == "=")
                .map(|pair| pair[0].trim_start_matches(',').to_owned())
                .collect();
            Some((key.to_owned(), names))
        })
        .collect()
}

#[test]
fn both_catalogues_say_the_same_things_each_once() {
    let (ja, en) = (keys(Lang::Ja), keys(Lang::En));
    assert_eq!(ja, en, "the same keys, in the same order");
    let once: BTreeSet<&String> = ja.iter().collect();
    assert_eq!(once.len(), ja.len(), "no key twice");
}

#[test]
fn every_key_is_there_and_used_with_the_values_it_wants() {
    let code = source_code();
    let used: BTreeMap<String, BTreeSet<String>> = uses(&code).into_iter().collect();
    let there: BTreeSet<String> = keys(Lang::Ja).into_iter().collect();
    let missing: Vec<_> = used.keys().filter(|key| !there.contains(*key)).collect();
    let unused: Vec<_> = there
        .iter()
        .filter(|key| !used.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "not in the catalogues: {missing:?}");
    assert!(unused.is_empty(), "never said: {unused:?}");
    for lang in Lang::ALL {
        for line in sources(lang).iter().flat_map(|source| source.lines()) {
            let Some((key, value)) = line.split_once(" = ") else {
                continue;
            };
            let wanted: BTreeSet<String> = value
                .split("{ $")
                .skip(1)
                .filter_map(|rest| rest.split_once(' '))
                .map(|(name, _)| name.to_owned())
                .collect();
            assert_eq!(Some(&wanted), used.get(key), "{key} in {lang:?}");
        }
    }
}

#[test]
fn the_catalogues_are_read_without_a_complaint() {
    for lang in Lang::ALL {
        for source in sources(lang) {
            let read = FluentResource::try_new(source.to_owned());
            assert!(read.is_ok(), "{lang:?}: {:?}", read.err().map(|(_, e)| e));
        }
    }
}

/// The labels that the service's people know; pages must use exactly these.
#[test]
fn labels_are_the_ones_that_people_know() {
    for (key, ja, en) in [
        ("user-name", "ユーザ名", "User name"),
        ("password", "パスワード", "Password"),
        ("log-in", "ログイン", "Log in"),
        ("log-out", "ログアウト", "Log out"),
        ("preferences", "オプション", "Preferences"),
        ("customize", "個人環境の設定", "Customize my Preferences"),
        ("mfa", "多要素認証", "Multi-Factor Auth"),
        ("use-setting", "使用設定", "Use Multi-Factor Authentication"),
        ("use-yes", "使用する", "Yes"),
        ("use-no", "使用しない", "No"),
        ("change", "変更", "Change"),
        ("register", "登録", "Register"),
        ("next", "次へ", "Next"),
        ("ok", "OK", "OK"),
        ("cancel", "キャンセル", "Cancel"),
        ("home", "HOME へ", "HOME"),
        ("otp-app-info", "OTPアプリ情報", "OTP app"),
        (
            "generate-user-code",
            "ユーザコード生成",
            "Generate user code",
        ),
        ("register-otp-app", "OTPアプリ登録", "Register OTP app"),
        ("app-code", "アプリコード", "App code"),
        ("user-code", "ユーザコード", "User code"),
        ("otp-app-auth", "OTPアプリ認証", "OTP APP"),
        ("external-mail-auth", "外部メール認証", "External email"),
        (
            "external-address",
            "認証用外部メールアドレス",
            "External email for authentication",
        ),
        ("issue-otp", "OTP発行", "Issue OTP"),
        ("log-in-by-otp", "LOG IN", "LOG IN"),
        ("mfa-status", "多要素認証状況", "Multi-Factor Auth status"),
        ("inbox", "受信箱", "Inbox"),
    ] {
        assert_eq!(Lang::Ja.text(key, &[]), ja, "{key}");
        assert_eq!(Lang::En.text(key, &[]), en, "{key}");
    }
}

#[test]
fn the_language_is_the_one_that_the_browser_likes_best() {
    for (line, expected) in [
        ("ja,en-US;q=0.7,en;q=0.3", Some(Lang::Ja)),
        ("en-GB,en;q=0.9,ja;q=0.8", Some(Lang::En)),
        ("de,JA-jp;q=0.5", Some(Lang::Ja)),
        ("de, fr", None),
        ("ja;q=0, en;q=0.1", Some(Lang::En)),
        ("en;q=x, ja;q=0.1", Some(Lang::Ja)),
        ("*", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(line));
        assert_eq!(Lang::accepted(&headers), expected, "{line}");
    }
}
