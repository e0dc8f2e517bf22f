//! What clients are told of an upstream's IMAP capabilities.

/// The capabilities of an upstream that a client may be told after the login. Those for the time before the login are
/// removed, and those by which the client could log in again, or could do so unseen.
pub(crate) fn kept(offered: &[String], guarded: bool) -> String {
    let kept = offered.iter().filter(|word| {
        let before_login = word.starts_with("AUTH=")
            || matches!(
                word.as_str(),
                "STARTTLS" | "LOGINDISABLED" | "LOGIN-REFERRALS"
            );
        let unseen = guarded && word.starts_with("COMPRESS=");
        !before_login && !unseen && *word != "UNAUTHENTICATE"
    });
    let words: Vec<_> = kept
        .map(|word| match word.as_str() {
            // Capabilities are case-insensitive, but some clients only recognise these two in their usual spelling.
            "IMAP4REV1" => "IMAP4rev1",
            "IMAP4REV2" => "IMAP4rev2",
            other => other,
        })
        .collect();
    words.join(" ")
}
