//! Real mail clients: Python's imaplib is refused at home with a sentence that helps, and admitted after the sign-in; swaks then submits a message.

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

    let on_campus = imaplib(&demo.tour.campus.imap, &hanako.login, &hanako.password).await?;
    ensure!(on_campus.contains("ADMITTED"), "{on_campus}");

    person::hanako_proves(demo, &mut app).await?;
    let admitted = imaplib(&demo.tour.home.imap, &hanako.login, &hanako.password).await?;
    ensure!(admitted.contains("ADMITTED"), "{admitted}");

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
        .context("the message arrives")?
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

/// Runs a program and returns all it says.
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
