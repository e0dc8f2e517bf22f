//! Parts that several of the pages share.

use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::{LetterId, SessionToken};
use sekisho_checkpoint::ports::Fate;
use sekisho_checkpoint::{Account, MailedCodeState};
use sekisho_otp::{OtpKey, UserCode};

use crate::config::Context;
use crate::cookie::Cookie;
use crate::layout::{Tone, csrf_field, notice};
use crate::qr;
use crate::time;
use crate::visit::{Visit, local_path, query_value};

/// The local path that the person was going to, from the query's `to`.
pub(super) fn destination(visit: &Visit) -> String {
    query_value(&visit.path, "to")
        .and_then(|to| local_path(&to))
        .unwrap_or_else(|| "/".to_owned())
}

/// Redirects to `to`, and gives the browser the session's new token.
pub(super) fn go_on(context: &Context, new: &SessionToken, to: &str) -> Response {
    let cookie = Cookie::Session.set(&context.config, &new.expose());
    (
        AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))),
        Redirect::to(to),
    )
        .into_response()
}

/// A notice of what went wrong.
pub(super) fn wrong(words: Option<&str>) -> Markup {
    html! {
        @if let Some(words) = words { (notice(Tone::Wrong, html! { p { (words) } })) }
    }
}

/// The field for a code of six digits.
pub(super) fn otp_field(visit: &Visit, is_wrong: bool) -> Markup {
    html! {
        div.field {
            label for="otp" { (t!(visit.lang, "otp")) }
            input.code-input #otp name="otp" required autofocus inputmode="numeric" autocomplete="one-time-code"
                maxlength="24" aria-invalid=[is_wrong.then_some("true")];
            p.hint { (t!(visit.lang, "otp-hint")) }
        }
    }
}

/// A user code to read, to copy, or to hand to the app by a link: on this device by following it, on a phone by
/// scanning the QR code. No server sees the fragment that holds the code.
pub(super) fn user_code(visit: &Visit, user: &UserCode, expires_at: Timestamp) -> Markup {
    let lang = visit.lang;
    let code = user.grouped();
    let mut app = visit.context.config.app_url.clone();
    app.set_fragment(Some(&format!("u={code}")));
    html! {
        div.code-line {
            p.hint { (t!(lang, "user-code")) }
            p.code translate="no" { (grouped(&code)) }
            div.buttons {
                (copy_button(visit, &code))
                a.button.quiet.small #open-in-app href=(app) target="_blank" rel="noopener noreferrer" { (t!(lang, "open-in-app")) }
            }
        }
        div.by-camera {
            (qr::draw(app.as_str(), &t!(lang, "user-code-qr-label")))
            p.hint { (t!(lang, "user-code-qr")) }
        }
        p.hint { (t!(lang, "user-code-until")) " " (countdown(visit, expires_at)) }
    }
}

/// A button that copies a text; hidden unless a script shows it.
pub(super) fn copy_button(visit: &Visit, text: &str) -> Markup {
    html! {
        button.quiet.small type="button" hidden data-copy=(text) data-done=(t!(visit.lang, "copied")) { (t!(visit.lang, "copy")) }
    }
}

/// A key for another authenticator app: as a QR code, as a link on the same device, and as text to type.
pub(super) fn authenticator_key(visit: &Visit, account: &Account, key: &OtpKey) -> Markup {
    let lang = visit.lang;
    let uri = otpauth(&visit.context.config.site_name, account, key);
    let typed = key.to_base32();
    let groups: Vec<&str> = typed
        .as_bytes()
        .chunks(4)
        .filter_map(|g| std::str::from_utf8(g).ok())
        .collect();
    html! {
        p { (t!(lang, "authenticator-how")) }
        div.code-line {
            (qr::draw(&uri, &t!(lang, "authenticator-qr-label")))
            p.hint { (t!(lang, "authenticator-key")) }
            p.key translate="no" { (groups.join(" ")) }
            div.buttons {
                (copy_button(visit, &typed))
                a.button.quiet.small href=(uri) { (t!(lang, "authenticator-open")) }
            }
        }
    }
}

/// The link with which authenticator apps take a key: TOTP with SHA-1, 6 digits and 30 s, the defaults of Google
/// Authenticator's "Key Uri Format".
fn otpauth(site: &str, account: &Account, key: &OtpKey) -> String {
    let name = account
        .main_address()
        .map_or_else(|| account.login.to_string(), ToString::to_string);
    let escape = |text: &str| {
        const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'.')
            .remove(b'_')
            .remove(b'@');
        utf8_percent_encode(text, PLAIN).to_string()
    };
    format!(
        "otpauth://totp/{site}:{name}?secret={key}&issuer={site}",
        site = escape(site),
        name = escape(&name),
        key = key.to_base32(),
    )
}

/// A code in its groups, with small hyphens.
pub(super) fn grouped(code: &str) -> Markup {
    html! {
        @for (i, group) in code.split('-').enumerate() {
            @if i > 0 { span.hyphen { "-" } }
            (group)
        }
    }
}

/// A time until which something holds, and how long that is. A script keeps the rest current.
pub(super) fn countdown(visit: &Visit, until: Timestamp) -> Markup {
    let lang = visit.lang;
    let now = visit.context.checkpoint.now();
    let zone = &visit.context.config.zone;
    // An end that is hours away can be on another day.
    let end = if until.duration_since(now).as_hours() > 0 {
        time::exact(zone, until)
    } else {
        time::hour(zone, until)
    };
    html! {
        (end) " ("
        time datetime=(time::machine(until)) data-until
            data-hours=(t!(lang, "time-left-hours", hours = "%h", minutes = "%m"))
            data-minutes=(t!(lang, "time-left-minutes-seconds", minutes = "%m", seconds = "%s"))
            data-seconds=(t!(lang, "time-left-seconds", seconds = "%s")) { (time::left(lang, now, until)) }
        ")"
    }
}

/// An address for someone who has proven only a password: enough to recognise one's own.
pub(super) fn masked(address: &MailAddress) -> String {
    let first: String = address.local().chars().take(1).collect();
    format!("{first}•••@{}", address.domain())
}

/// What became of a mailed code: where it went, until when it holds, and whether sending failed. `to` is the address as
/// this person may see it.
pub(super) async fn letter(
    visit: &Visit,
    to: &str,
    letter: LetterId,
    code: Option<&MailedCodeState>,
) -> Markup {
    let lang = visit.lang;
    let fate = visit.context.checkpoint.letter_fate(letter).await;
    let warning = match fate {
        Some(Fate::Failed(why)) => Some(t!(lang, "letter-failed", to = to.to_owned(), why = why)),
        Some(Fate::Expired) => Some(t!(lang, "letter-expired")),
        Some(Fate::Waiting(Some(_))) => Some(t!(lang, "letter-delayed")),
        Some(Fate::Waiting(None) | Fate::Sent) | None => None,
    };
    html! {
        @if let Some(warning) = warning {
            (notice(Tone::Warning, html! { p { (warning) } }))
        } @else if let Some(code) = code {
            (notice(Tone::Good, html! {
                p { (t!(lang, "letter-sent", to = to.to_owned())) }
                p.hint { (t!(lang, "letter-from")) }
                p.hint { (t!(lang, "letter-until")) " " (countdown(visit, code.expires_at)) }
            }))
        } @else {
            (notice(Tone::Warning, html! { p { (t!(lang, "proof-code-expired")) } }))
        }
    }
}

/// The button that mails another code, and from when on it works. `fields` are added to its form.
pub(super) fn again(
    visit: &Visit,
    action: &str,
    code: Option<&MailedCodeState>,
    fields: Markup,
) -> Markup {
    let now = visit.context.checkpoint.now();
    let not_before = code.map(|code| code.again_at).filter(|at| now < *at);
    html! {
        @if let Some(at) = not_before {
            p.hint { (t!(visit.lang, "letter-again-at", until = time::second(&visit.context.config.zone, at))) }
        }
        form method="post" action=(action) {
            (csrf_field(visit))
            (fields)
            div.buttons {
                button.quiet data-not-before=[not_before.map(time::machine)] { (t!(visit.lang, "issue-otp")) }
            }
        }
    }
}

/// The button that Enter presses in a form whose other buttons come before the one that sends it: browsers take the
/// first (HTML Standard 4.10.21.2).
pub(super) fn enter_button(label: &str) -> Markup {
    html! { button.visually-hidden tabindex="-1" aria-hidden="true" { (label) } }
}

/// The field for a recovery code.
pub(super) fn recovery_field(visit: &Visit, name: &str, is_wrong: bool) -> Markup {
    html! {
        div.field {
            label for="recovery-code" { (t!(visit.lang, "recovery-code")) }
            input.code-input.long #recovery-code name=(name) required autofocus autocomplete="off" autocapitalize="characters" autocorrect="off"
                spellcheck="false" maxlength="40" placeholder="XXXXX-XXXXX" aria-invalid=[is_wrong.then_some("true")];
            p.hint { (t!(visit.lang, "recovery-code-hint")) }
        }
    }
}
