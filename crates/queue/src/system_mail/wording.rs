//! How system mail reads, in Japanese and English.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::ports::{Notice, OtpLetter};

/// The subject of a mailed OTP. It stays as it is: people and their filters know it.
pub(super) const OTP_SUBJECT: &str = "OTP notification (OTP発行のお知らせ)";

/// The text of a mailed OTP. The code stands first, where previews and phones find it.
pub(super) fn otp(letter: &OtpLetter, zone: &TimeZone) -> String {
    let code = letter.code.expose();
    let from = letter.asked_from;
    let until = time(letter.expires_at, zone);
    format!(
        "OTP: {code}\n\
         \n\
         多要素認証のワンタイムパスワード (OTP) をお知らせします。\n\
         認証画面に上の6桁の数字を入力してください。\n\
         \n\
         有効期限: {until}\n\
         アクセス元: {from}\n\
         \n\
         お心当たりのない場合は、パスワードを他人に知られているおそれがあります。\n\
         この番号はだれにも教えず、すぐにパスワードを変更してください。\n\
         \n\
         --------\n\
         \n\
         This is your one-time password (OTP) for multi-factor authentication.\n\
         Enter the six digits above on the page that asks for them.\n\
         \n\
         Valid until: {until}\n\
         Requested from: {from}\n\
         \n\
         If you did not ask for it, someone else may know your password:\n\
         tell nobody this code, and change your password at once.\n"
    )
}

/// The subject and text of a notice.
pub(super) fn notice(notice: &Notice, zone: &TimeZone) -> (String, String) {
    let (japanese, english) = news(notice);
    let at = time(notice.at, zone);
    let from = notice.from.map(|a| a.to_string());
    let line = |label: &str, value: Option<&str>| {
        let value = value.filter(|v| !v.is_empty());
        value.map_or(String::new(), |v| format!("{label}: {}\n", plain(v)))
    };
    let address = notice.mailbox.to_string();
    let (detail_ja, detail_en) = detail(notice);
    let text = format!(
        "{japanese}\n\
         \n\
         アカウント: {address}\n\
         日時: {at}\n\
         {from_ja}{detail_ja}\
         \n\
         お心当たりのない場合は、次のページで「心当たりがない」を押し、パスワードを変更してください。\n\
         {page}\n\
         それができないときは、管理者へご連絡ください。\n\
         \n\
         --------\n\
         \n\
         {english}\n\
         \n\
         Account: {address}\n\
         When: {at}\n\
         {from_en}{detail_en}\
         \n\
         If this was not you, open this page, press \"That wasn't me\", and change your password:\n\
         {page}\n\
         If you can't, tell your administrators.\n",
        page = notice.page,
        from_ja = line("アクセス元", from.as_deref()),
        from_en = line("From", from.as_deref()),
        detail_ja = line("詳細", detail_ja),
        detail_en = line("Details", detail_en),
    );
    (
        format!(
            "{} ({})",
            english.trim_end_matches('.'),
            japanese.trim_end_matches('。')
        ),
        text,
    )
}

/// What is particular to the event, in each language; `None` where the sentence says it.
fn detail(notice: &Notice) -> (Option<&str>, Option<&str>) {
    if notice.what == EventKind::RecoveryCodeUsed {
        return (None, None);
    }
    // Records keep a kind of factor by a word that is not for people.
    match FactorKind::parse(&notice.detail) {
        Some(FactorKind::OtpApp) => (Some("OTPアプリ"), Some("OTP app")),
        Some(FactorKind::ExternalMail) => (Some("外部メール"), Some("external email")),
        Some(FactorKind::RecoveryCode) => (Some("リカバリーコード"), Some("recovery codes")),
        None => (Some(&notice.detail), Some(&notice.detail)),
    }
}

/// The news in one sentence, in each language.
fn news(notice: &Notice) -> (Cow<'static, str>, Cow<'static, str>) {
    let (japanese, english) = sentence(notice.what);
    if notice.what != EventKind::RecoveryCodeUsed {
        return (japanese.into(), english.into());
    }
    let left = plain(&notice.detail);
    (
        format!("{}（残り{left}個）。", japanese.trim_end_matches('。')).into(),
        format!("{} ({left} left).", english.trim_end_matches('.')).into(),
    )
}

fn sentence(what: EventKind) -> (&'static str, &'static str) {
    match what {
        EventKind::SignedIn => ("ログインがありました。", "Your account was signed in to."),
        EventKind::PasswordRight => (
            "正しいパスワードが入力され、追加の認証を待っています。",
            "Your password was entered and a second factor is awaited.",
        ),
        EventKind::RefusedUnknown
        | EventKind::RefusedDisabled
        | EventKind::RefusedPassword
        | EventKind::RefusedNoGrant
        | EventKind::RefusedThrottled => (
            "ログインを拒否しました。",
            "An attempt to log in was refused.",
        ),
        EventKind::OtpWrong => ("誤ったOTPが入力されました。", "A wrong OTP was entered."),
        EventKind::EnrolmentCodeWrong => (
            "誤った登録コードが入力されました。",
            "A wrong enrolment code was entered.",
        ),
        EventKind::Granted => (
            "多要素認証に成功しました。",
            "Multi-factor authentication succeeded.",
        ),
        EventKind::GrantEnded => (
            "アクセス元の認証を終了しました。",
            "The verification of an address was ended.",
        ),
        EventKind::CompanionJoined => (
            "同じ回線のもう一つのアドレスも、認証済みのアクセス元に加えました。",
            "The other address of a line was let in as well.",
        ),
        EventKind::FactorNeverCame => (
            "正しいパスワードが入力されましたが、追加の認証は行われませんでした。ログインはできていません。",
            "Your password was entered correctly, but the second factor never came. Nobody was let in.",
        ),
        EventKind::NotMe => (
            "「心当たりがない」との届け出により、すべてのログインとアクセス元の認証を終了しました。",
            "You reported something that wasn't you, so all logins and verified addresses were ended.",
        ),
        EventKind::RecoveryCodesMade => (
            "リカバリーコードを作成しました。以前のものは使えません。",
            "Recovery codes were made. Earlier ones no longer work.",
        ),
        EventKind::RecoveryCodeUsed => (
            "リカバリーコードが使われました。",
            "A recovery code was used.",
        ),
        EventKind::FactorRenamed => ("OTPアプリの名前を変更しました。", "An OTP app was renamed."),
        EventKind::AppRegistered => ("OTPアプリを登録しました。", "An OTP app was registered."),
        EventKind::AddressRegistered => (
            "認証用外部メールアドレスを登録しました。",
            "An external email for authentication was registered.",
        ),
        EventKind::FactorRemoved => (
            "認証要素を削除しました。",
            "An authentication factor was removed.",
        ),
        EventKind::KindDisabled => (
            "誤ったOTPが続いたため、この認証方法を停止しました。",
            "A way of authentication was disabled after too many wrong codes.",
        ),
        EventKind::KindEnabled => (
            "停止していた認証方法を再開しました。",
            "A disabled way of authentication was enabled again.",
        ),
        EventKind::MfaOn => (
            "多要素認証を「使用する」に変更しました。",
            "Multi-factor authentication was turned on.",
        ),
        EventKind::MfaOff => (
            "多要素認証を「使用しない」に変更しました。",
            "Multi-factor authentication was turned off.",
        ),
        EventKind::PasswordChangeBegun => (
            "パスワードの変更が始まりましたが、完了したかどうかを確認できませんでした。",
            "A change of your password was started, but it is not known whether it was completed.",
        ),
        EventKind::PasswordChanged => ("パスワードを変更しました。", "Your password was changed."),
        EventKind::FactorsReset => (
            "管理者が多要素認証の登録をすべて解除しました。",
            "Your administrators removed all your authentication factors.",
        ),
        EventKind::EnrolmentCodeGiven => (
            "管理者が多要素認証の登録用コードを発行しました。",
            "Your administrators issued a code for registering a factor.",
        ),
        EventKind::AccountDisabled => (
            "アカウントの利用を停止しました。",
            "Your account was disabled.",
        ),
        EventKind::CodeMailed => ("OTPをメールで送信しました。", "An OTP was sent by mail."),
        EventKind::SignedOut => ("ログアウトしました。", "Your account was signed out."),
    }
}

/// A time in the site's zone, with the zone's name: `2026-11-23 14:05 JST`.
fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string()
}

/// Text from elsewhere, on one line.
fn plain(words: &str) -> String {
    words.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use sekisho_checkpoint::AccountId;
    use sekisho_checkpoint::address::MailAddress;

    use super::*;

    fn told(what: EventKind, detail: &str) -> (String, String) {
        let told = Notice {
            account: AccountId::new(1),
            mailbox: MailAddress::parse("alice@kit.example").expect("an address"),
            also_to: Vec::new(),
            what,
            at: Timestamp::UNIX_EPOCH,
            from: None,
            detail: detail.to_owned(),
            page: "https://mail.kit.example/mfa".to_owned(),
        };
        notice(&told, &TimeZone::UTC)
    }

    #[test]
    fn how_many_recovery_codes_are_left_stands_in_the_sentence() {
        let (subject, text) = told(EventKind::RecoveryCodeUsed, "9");
        assert_eq!(
            subject,
            "A recovery code was used (9 left) (リカバリーコードが使われました（残り9個）)"
        );
        assert!(!text.contains("詳細"), "{text}");
    }

    #[test]
    fn a_kind_of_factor_is_told_in_words_for_people() {
        let (_, text) = told(EventKind::KindDisabled, "otp-app");
        assert!(text.contains("詳細: OTPアプリ\n"), "{text}");
        assert!(text.contains("Details: OTP app\n"), "{text}");
    }
}
