//! Real mail clients: Python's imaplib and poplib are refused at home with a sentence that helps, and admitted after
//! the sign-in; then swaks submits a message and curl fetches it over POP3.

use std::process::Command;

use anyhow::{Context, ensure};
use sekisho::demo::Demo;

use crate::person;

/// Logs in with imaplib and prints the subjects of all messages, or the refusal.
const IMAPLIB: &str = r"
import imaplib, sys
host, port, user, password = sys.argv[1:]
client = imaplib.IMAP4(host, int(port))
try:
    client.login(user, password)
except imaplib.IMAP4.error as refusal:
    print('REFUSED', refusal)
    sys.exit()
client.select('INBOX', readonly=True)
for part in client.fetch('1:*', '(BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1]:
    if isinstance(part, tuple):
        print(part[1].decode().strip())
client.logout()
print('ADMITTED')
";

/// Logs in with poplib, prints all messages and deletes the first; or prints the refusal.
const POPLIB: &str = r"
import poplib, sys
host, port, user, password = sys.argv[1:]
client = poplib.POP3(host, int(port))
client.user(user)
try:
    client.pass_(password)
except poplib.error_proto as refusal:
    print('REFUSED', refusal)
    sys.exit()
count, octets = client.stat()
print('CAPA', sorted(client.capa()))
for number in range(1, count + 1):
    lines = client.retr(number)[1]
    assert client.top(number, 0)[1] == lines[:lines.index(b'') + 1]
    print(client.uidl(number).decode(), b'|'.join(lines).decode())
client.dele(1)
client.quit()
print('ADMITTED', count)
";

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_with_help_then_admitted_and_sends() -> anyhow::Result<()> {
    let demo = person::demo().await?;
    let told = tell(&demo).await;
    demo.stop().await;
    told
}

async fn tell(demo: &Demo) -> anyhow::Result<()> {
    let mut app = person::hanako_uses_mfa(demo).await?;
    let [hanako, ken] = demo.tour.accounts.as_slice() else {
        anyhow::bail!("two people live here");
    };
    let refused = imaplib(&demo.tour.home.imap, &hanako.login, &hanako.password).await?;
    ensure!(
        refused.contains("REFUSED b'[AUTHENTICATIONFAILED] Sign-in refused."),
        "{refused}"
    );
    ensure!(
        refused.contains(&format!("{}/mfa", demo.tour.home.web)),
        "it names the address to remember: {refused}"
    );

    let refused = poplib(&demo.tour.home.pop3, &hanako.login, &hanako.password).await?;
    ensure!(
        refused.contains("REFUSED b'-ERR [AUTH] Sign-in refused.") && refused.contains("/mfa"),
        "{refused}"
    );

    let on_campus = imaplib(&demo.tour.campus.imap, &hanako.login, &hanako.password).await?;
    ensure!(on_campus.contains("ADMITTED"), "{on_campus}");

    person::hanako_proves(demo, &mut app).await?;
    let admitted = imaplib(&demo.tour.home.imap, &hanako.login, &hanako.password).await?;
    ensure!(admitted.contains("ADMITTED"), "{admitted}");

    let popped = poplib(&demo.tour.home.pop3, &hanako.login, &hanako.password).await?;
    let count =
        |said: &str| -> Option<usize> { said.rsplit_once("ADMITTED ")?.1.trim().parse().ok() };
    let before = count(&popped).with_context(|| popped.clone())?;
    ensure!(before > 0 && popped.contains("'TOP', 'UIDL'"), "{popped}");
    let popped = poplib(&demo.tour.home.pop3, &hanako.login, &hanako.password).await?;
    ensure!(
        count(&popped) == Some(before - 1),
        "one was removed: {popped}"
    );

    let sent = swaks(demo, &hanako.login, &hanako.password, &ken.address).await?;
    ensure!(
        sent.contains("250 2.0.0") || sent.contains("<-  250"),
        "{sent}"
    );
    let arrived = async {
        loop {
            let inbox = imaplib(&demo.tour.campus.imap, &ken.login, &ken.password).await?;
            if inbox.contains("Subject: By swaks") {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), arrived)
        .await
        .context("the message arrives")??;
    let url = format!("pop3://{}/1", demo.tour.campus.pop3);
    let login = format!("{}:{}", ken.login, ken.password);
    let fetched = run(
        "curl",
        &["--silent", "--show-error", "--user", &login, &url],
    )
    .await?;
    ensure!(fetched.contains("Subject: "), "{fetched}");
    Ok(())
}

async fn poplib(door: &str, user: &str, password: &str) -> anyhow::Result<String> {
    let (host, port) = door.rsplit_once(':').context("a port")?;
    run("python3", &["-c", POPLIB, host, port, user, password]).await
}

async fn imaplib(door: &str, user: &str, password: &str) -> anyhow::Result<String> {
    let (host, port) = door.rsplit_once(':').context("a port")?;
    run("python3", &["-c", IMAPLIB, host, port, user, password]).await
}

async fn swaks(demo: &Demo, user: &str, password: &str, to: &str) -> anyhow::Result<String> {
    let from = format!("{user}@kit.example");
    let server = demo.tour.home.submission.as_str();
    let arguments = [
        "--server",
        server,
        "--auth-user",
        user,
        "--auth-password",
        password,
        "--from",
        &from,
        "--to",
        to,
        "--header",
        "Subject: By swaks",
    ];
    run("swaks", &arguments).await
}

/// Runs a program and returns all its output.
async fn run(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await?;
    let output = output.with_context(|| {
        format!("{program} is not there: ./scripts/test installs what the tests need")
    })?;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}
