//! Writing, reading, replying, forwarding and deleting; attachments; Japanese mail; hostile HTML.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{HANAKO, KEN, Scene, in_every_browser};

const HARM: &str = "From: Mallory <mallory@away.example>\nTo: hanako@kit.example\n\
    Subject: You won\nDate: Fri, 20 Nov 2026 09:00:00 +0900\n\
    Message-ID: <harm@away.example>\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n\
    <h2 onclick=\"top.document.title='taken'\">Congratulations</h2><script>top.document.title='taken'</script>\
    <img src=x onerror=\"top.document.title='taken'\">\
    <form action=\"https://away.example/\"><input name=password></form>\
    <svg onload=\"top.document.title='taken'\"></svg>\n";

in_every_browser!(mail_is_written_read_answered_and_thrown_away);
in_every_browser!(mail_of_all_kinds_is_shown_and_harms_nobody);

async fn mail_is_written_read_answered_and_thrown_away(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.see("ol.mails").await?;
    browser.picture("inbox").await?;
    browser.press("a.write").await?;
    browser.picture("compose").await?;

    // A wrong address does not lose the text.
    browser.fill("#to", "ken@").await?;
    browser.fill("#subject", "来週の予定").await?;
    browser
        .fill("#body", "会議は水曜日の13時からです。")
        .await?;
    browser.press("button[value=send]").await?;
    browser.see(".notice.wrong").await?;
    browser.picture("compose-wrong").await?;
    ensure!(
        browser
            .property("#body", "value")
            .await?
            .contains("会議は水曜日"),
        "what was written is still there"
    );
    browser.fill("#to", "ken@kit.example").await?;
    browser.press("button[value=send]").await?;
    browser.see(".notice.good").await?;
    browser.picture("sent").await?;
    browser.press("form[action='/logout'] button").await?;

    scene.sign_in(&scene.campus(""), KEN).await?;
    browser.see("ol.mails").await?;
    scene
        .see_mail_arrive(&scene.campus("/mail"), "来週の予定")
        .await?;
    browser.press("ol.mails li.unread:first-child a").await?;
    browser
        .read(".plain", "会議は水曜日の13時からです。")
        .await?;
    browser.press("a[data-key=r]").await?;
    ensure!(
        browser
            .property("#to", "value")
            .await?
            .contains("hanako@kit.example"),
        "the answer goes to who wrote"
    );
    ensure!(
        browser
            .property("#body", "value")
            .await?
            .contains("> 会議は水曜日"),
        "what is answered is quoted"
    );
    browser.picture("reply").await?;
    browser.press("button[value=send]").await?;
    browser.see(".notice.good").await?;

    // A message is forwarded, deleted, and restored.
    browser.open(&scene.campus("/mail")).await?;
    browser.press("ol.mails li:first-child a").await?;
    browser.press("a[data-key=f]").await?;
    ensure!(
        browser
            .property("#body", "value")
            .await?
            .contains("会議は水曜日"),
        "the text goes along"
    );
    browser.fill("#to", "hanako@kit.example").await?;
    browser.press("button[value=send]").await?;
    browser.see(".notice.good").await?;
    browser.open(&scene.campus("/mail")).await?;
    let first = scene.first_mail().await?;
    browser
        .click("ol.mails li:first-child .choose input")
        .await?;
    browser.press("button[value=delete]").await?;
    browser.see(".notice.good").await?;
    browser.picture("deleted").await?;
    ensure!(browser.count(&first).await? == 0, "the message is gone");
    browser.press("form[action='/mail/undo'] button").await?;
    browser.read("ol.mails", "来週の予定").await?;
    browser.open(&scene.campus("/mail/folders")).await?;
    browser.picture("folders").await
}

async fn mail_of_all_kinds_is_shown_and_harms_nobody(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.deliver(HANAKO, HARM).await?;
    scene.sign_in(&scene.campus(""), HANAKO).await?;

    // An old Japanese message, in ISO-2022-JP.
    scene.open_message("来週の会議").await?;
    browser.read(".plain", "来週の会議は水曜日の").await?;
    browser.read("dl.head", "山田").await?;
    browser.picture("message-japanese").await?;

    // HTML is shown in its frame; remote pictures load only on demand.
    scene.open_message("Your loan is due").await?;
    browser.see(".notice a[href*=pictures]").await?;
    browser.picture("message-html").await?;
    let (text, _) = browser.framed("iframe.html-mail", "body").await?;
    ensure!(
        text.contains("The Tokaido Road"),
        "the letter can be read: {text:?}"
    );

    // An attachment can only be downloaded.
    scene.open_message("Measurements from last week").await?;
    browser.picture("message-attachment").await?;
    browser.click(".files a").await?;
    let file = browser.downloaded(".csv").await?;
    ensure!(
        file.starts_with(b"time,voltage,current"),
        "the file comes whole"
    );

    // Messages with scripts and password forms: nothing runs, and no form is shown.
    scene.open_message("You won").await?;
    let (text, scripts) = browser.framed("iframe.html-mail", "h2").await?;
    ensure!(
        text == "Congratulations" && scripts == 0,
        "the letter without its scripts: {text:?}, {scripts}"
    );
    let title = browser.run("return document.title", Vec::new()).await?;
    ensure!(!title.to_string().contains("taken"), "nothing ran");
    browser.picture("message-harm").await
}

impl Scene {
    /// Opens the message with this subject in the inbox.
    async fn open_message(&self, subject: &str) -> anyhow::Result<()> {
        self.browser.open(&self.campus("/mail")).await?;
        let place = self.browser.which("ol.mails li", subject).await?;
        self.browser
            .press(&format!("ol.mails li:nth-child({place}) a"))
            .await
    }
}
