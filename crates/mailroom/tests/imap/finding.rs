use crate::client::{Client, House};

async fn library() -> (House, Client) {
    let house = House::build();
    for message in [
        "From: Ben <zoe@kit.example>\nTo: all@kit.example\nSubject: Re: beta\nDate: Sun, 29 Jun 2025 23:00:00 +0900\n\nplain words\n",
        "From: Ann <ann@kit.example>\nSubject: Alpha\nDate: Mon, 30 Jun 2025 01:00:00 -1100\nX-Spam: yes\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n5Lya6K2w44Gu6LOH5paZ\n",
        "From: Ann <ann@kit.example>\nSubject: beta\nDate: Sat, 28 Jun 2025 10:00:00 +0900\n\nlonger than the others, by far and away\n",
    ] {
        house.keep("INBOX", message).await;
    }
    let mut client = house.visit().await;
    client.say("C: a SELECT INBOX").await;
    while !client.hear().await.starts_with("a OK") {}
    (house, client)
}

#[tokio::test]
async fn every_kind_of_search_finds_what_it_should() {
    let (_house, mut client) = library().await;
    client
        .play("C: b STORE 3 +FLAGS (\\Flagged work)\nS: * FLAGS (…work)\nS: * 3 FETCH (FLAGS (\\Flagged work))\nS: b OK stored")
        .await;
    for (key, found) in [
        ("ALL", " 1 2 3"),
        ("NOT ALL", ""),
        ("FROM ann", " 2 3"),
        ("FROM \"Ann\" SUBJECT BETA", " 3"),
        ("OR SUBJECT alpha TO all@", " 1 2"),
        ("KEYWORD Work", " 3"),
        ("UNFLAGGED UNKEYWORD work", " 1 2"),
        ("HEADER X-Spam \"\"", " 2"),
        ("HEADER X-Spam no", ""),
        ("HEADER x-spam {9+}\nC: ＹＥＳ", " 2"),
        ("HEADER Subject \"\"", " 1 2 3"),
        ("HEADER Cc \"\"", ""),
        ("BODY words", " 1"),
        ("BODY {15+}\nC: ＷＯＲＤＳ", " 1"),
        ("OR (BODY words NOT HEADER X-Spam yes) TEXT away", " 1 3"),
        ("BODY {6+}\nC: 会議", " 2"),
        ("CHARSET UTF-8 TEXT {6+}\nC: 資料", " 2"),
        ("TEXT \"x-spam: yes\"", " 2"),
        ("SENTON 29-Jun-2025", " 1"),
        ("SENTSINCE 29-Jun-2025", " 1 2"),
        ("SENTBEFORE 29-Jun-2025", " 3"),
        ("ON 1-Jul-2025", " 1 2 3"),
        ("BEFORE 1-Jul-2025", ""),
        ("SINCE 2-Jul-2025", ""),
        ("YOUNGER 60", " 1 2 3"),
        ("OLDER 60", ""),
        ("LARGER 150 SMALLER 5000", " 2"),
        ("2:* UID 1:2", " 2"),
        ("RECENT", ""),
        ("(NOT (FLAGGED)) NOT SUBJECT beta", " 2"),
    ] {
        client
            .play(&format!(
                "C: c SEARCH {key}\nS: * SEARCH{found}\nS: c OK searched"
            ))
            .await;
    }
}

#[tokio::test]
async fn results_come_as_they_were_asked_for() {
    let (_house, mut client) = library().await;
    client
        .play(
            "C: b UID SEARCH RETURN (MIN MAX COUNT) FROM ann
             S: * ESEARCH (TAG \"b\") UID MIN 2 MAX 3 COUNT 2
             S: b OK searched
             C: c SEARCH RETURN () ALL
             S: * ESEARCH (TAG \"c\") ALL 1:3
             S: c OK searched
             C: d SEARCH RETURN (ALL) KEYWORD nobody
             S: * ESEARCH (TAG \"d\")
             S: d OK searched
             C: e SEARCH CHARSET EUC-JP ALL
             S: e NO [BADCHARSET (US-ASCII UTF-8)] …
             C: f SEARCH BODY
             S: f BAD expected a space at byte 13",
        )
        .await;
}

#[tokio::test]
async fn sorting_follows_each_criterion() {
    let (_house, mut client) = library().await;
    for (order, sorted) in [
        ("DATE", " 3 1 2"),
        ("REVERSE DATE", " 2 1 3"),
        ("SUBJECT DATE", " 2 3 1"),
        ("FROM REVERSE SUBJECT", " 3 2 1"),
        ("DISPLAYFROM", " 2 3 1"),
        ("REVERSE ARRIVAL", " 1 2 3"),
        ("SIZE", " 1 3 2"),
    ] {
        client
            .play(&format!(
                "C: b SORT ({order}) UTF-8 ALL\nS: * SORT{sorted}\nS: b OK sorted"
            ))
            .await;
    }
    client
        .play("C: c UID SORT RETURN (COUNT ALL) (DATE) UTF-8 1:2\nS: * ESEARCH (TAG \"c\") UID COUNT 2 ALL 1:2\nS: c OK sorted")
        .await;
}
