//! Mail that goes to each domain's own servers.

use async_trait::async_trait;
use sekisho_net::client::{Connector, Roots};
use sekisho_net::dns::{DnsError, MailHost};

use super::*;

/// A DNS that knows a few domains; for all others the lookup fails.
struct FewDomains;

#[async_trait]
impl Hosts for FewDomains {
    async fn of(&self, domain: &str) -> Result<Vec<MailHost>, DnsError> {
        // Nobody listens on the first of them.
        let hosts = match domain {
            "far.example" => vec![("127.0.0.2", 10), ("127.0.0.1", 20)],
            "near.example" => vec![("127.0.0.1", 10)],
            "down.example" => vec![("127.0.0.2", 10), ("127.0.0.3", 10)],
            "loop.example" => vec![("mail.kit.example", 10), ("127.0.0.1", 20)],
            "gone.example" => return Err(DnsError::NoDomain),
            "null.example" => return Err(DnsError::NoMail),
            _ => return Err(DnsError::Temporary("timed out".to_owned())),
        };
        let host = |(name, preference): (&str, u16)| MailHost {
            name: name.to_owned(),
            preference,
        };
        Ok(hosts.into_iter().map(host).collect())
    }
}

async fn site() -> (Scene, TestRelay, Queue) {
    let scene = Scene::new();
    let relay = TestRelay::start().await;
    let patience = std::time::Duration::from_secs(10);
    let transport = DirectTransport {
        hosts: Arc::new(FewDomains),
        connector: Connector::new(&Roots::Anybody, patience).expect("connector"),
        clock: scene.clock.clone(),
        hello: "mail.kit.example".to_owned(),
        port: relay.port,
    };
    let queue = scene.queue(Some(Arc::new(transport)));
    scene.run(&queue);
    (scene, relay, queue)
}

#[tokio::test]
async fn each_domain_gets_its_mail_from_the_first_server_that_answers() {
    let (scene, relay, queue) = site().await;
    let to = ["a@far.example", "b@FAR.example", "c@near.example"];
    queue.put(mail(&to)).await.expect("put");
    eventually("it is gone", async || scene.waiting().is_empty()).await;
    assert_eq!(relay.count("DATA"), 2);
    for line in to {
        assert_eq!(relay.count(&format!("RCPT TO:<{line}>")), 1);
    }
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
}

#[tokio::test]
async fn what_no_server_takes_comes_back_and_what_cannot_be_told_waits() {
    let (scene, relay, queue) = site().await;
    let to = [
        "a@gone.example",
        "b@null.example",
        "c@loop.example",
        "d@[192.0.2.1]",
        "e@down.example",
        "f@odd.example",
    ];
    queue.put(mail(&to)).await.expect("put");
    eventually("the report is there", async || {
        !scene.inbox(ALICE).await.is_empty()
    })
    .await;
    let report = &scene.inbox(ALICE).await[0];
    for (address, status) in [
        ("a@gone.example", "5.1.2"),
        ("b@null.example", "5.1.10"),
        ("c@loop.example", "5.4.6"),
        ("d@[192.0.2.1]", "5.1.2"),
    ] {
        let told =
            format!("Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: {status}\r\n");
        assert!(report.contains(&told), "{told} is not in {report}");
    }
    let waiting = &scene.waiting()[0].waiting;
    let troubles: Vec<_> = waiting.iter().map(|w| (w.to.as_str(), w.tries)).collect();
    assert_eq!(troubles, [("e@down.example", 1), ("f@odd.example", 1)]);
    assert!(
        waiting[1].diagnostic.contains("timed out"),
        "{}",
        waiting[1].diagnostic
    );
    assert_eq!(relay.count("DATA"), 0);
}

#[tokio::test]
async fn a_server_whose_tls_fails_is_spoken_to_without() {
    let (scene, relay, queue) = site().await;
    relay.answer("EHLO", "250-relay.example\r\n250 STARTTLS");
    relay.answer("STARTTLS", "454 4.7.0 not now");
    queue.put(mail(&["c@near.example"])).await.expect("put");
    eventually("it is gone", async || scene.waiting().is_empty()).await;
    assert_eq!((relay.count("STARTTLS"), relay.count("DATA")), (1, 1));
}
