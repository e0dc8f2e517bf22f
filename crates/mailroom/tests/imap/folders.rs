use crate::client::House;

#[tokio::test]
async fn folders_are_listed_with_what_they_are_for() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a LIST \"\" \"\"
             S: * LIST (\\Noselect) \"/\" \"\"
             S: a OK that is the separator
             C: b LIST \"\" *
             S: * LIST (\\HasNoChildren \\Archive) \"/\" Archive
             S: * LIST (\\HasNoChildren \\Drafts) \"/\" Drafts
             S: * LIST (\\HasNoChildren) \"/\" INBOX
             S: * LIST (\\HasNoChildren \\Junk) \"/\" Junk
             S: * LIST (\\HasNoChildren \\Sent) \"/\" Sent
             S: * LIST (\\HasNoChildren \\Trash) \"/\" Trash
             S: b OK listed
             C: c CREATE &TxqLcA-/2025/
             S: c OK […] created
             C: d LIST \"\" (&TxqLcA-* \"inbox\")
             S: * LIST (\\HasNoChildren) \"/\" INBOX
             S: * LIST (\\HasChildren…) \"/\" &TxqLcA-
             S: * LIST (\\HasNoChildren) \"/\" &TxqLcA-/2025
             S: d OK listed
             C: e LIST (SPECIAL-USE) \"\" S% RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN))
             S: * LIST (\\HasNoChildren \\Sent \\Subscribed) \"/\" Sent
             S: * STATUS Sent (MESSAGES 0 UNSEEN 0)
             S: e OK listed
             C: f NAMESPACE
             S: * NAMESPACE ((\"\" \"/\")) NIL NIL
             S: f OK one namespace",
        )
        .await;
}

#[tokio::test]
async fn subscriptions_are_kept_and_listed() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a CREATE a/b
             S: a OK […] created
             C: b UNSUBSCRIBE a
             S: b OK noted
             C: b UNSUBSCRIBE a/b
             S: b OK noted
             C: c LSUB \"\" a*
             S: c OK listed
             C: d SUBSCRIBE a/b
             S: d OK noted
             C: e LSUB \"\" a/*
             S: * LSUB () \"/\" a/b
             S: e OK listed
             C: f LSUB \"\" a%
             S: * LSUB (\\Noselect) \"/\" a
             S: f OK listed
             C: g LIST (SUBSCRIBED RECURSIVEMATCH) \"\" a%
             S: * LIST (\\HasChildren…) \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))
             S: g OK listed
             C: h SUBSCRIBE nowhere
             S: h NO [NONEXISTENT] …",
        )
        .await;
}

#[tokio::test]
async fn a_name_with_quotes_works_and_one_with_line_breaks_gets_a_clear_answer() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a CREATE \"say \\\"hi\\\" \\\\ %*\"
             S: a OK […] created
             C: b LIST \"\" \"say %\"
             S: * LIST (\\HasNoChildren) \"/\" \"say \\\"hi\\\" \\\\ %*\"
             S: b OK listed
             C: c STATUS \"say \\\"hi\\\" \\\\ %*\" (MESSAGES UIDNEXT SIZE)
             S: * STATUS \"say \\\"hi\\\" \\\\ %*\" (MESSAGES 0 UIDNEXT 1 SIZE 0)
             S: c OK told
             C: d CREATE {11+}
             C: a
             C: x LOGOUT
             S: d NO [CANNOT] a folder name has no control characters
             C: e CREATE a&AAo-b
             S: e NO [CANNOT] a folder name has no control characters
             C: f SELECT a&AAo-b
             S: f NO [NONEXISTENT] no folder can have this name
             C: g CREATE R&D
             S: g NO [CANNOT] broken modified UTF-7 at byte 9
             C: h CREATE //
             S: h NO [CANNOT] …",
        )
        .await;
}

#[tokio::test]
async fn folders_are_renamed_and_deleted() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a CREATE a/b
             S: a OK […] created
             C: b CREATE A/b
             S: b OK […] created
             C: c CREATE a/b
             S: c NO [ALREADYEXISTS] …
             C: d RENAME a c/d
             S: d OK renamed
             C: e LIST \"\" c*
             S: * LIST (\\HasChildren…) \"/\" c
             S: * LIST (\\HasChildren) \"/\" c/d
             S: * LIST (\\HasNoChildren) \"/\" c/d/b
             S: e OK listed
             C: f DELETE c/d
             S: f OK deleted
             C: g LIST \"\" c/*
             S: * LIST (\\HasChildren \\NonExistent \\Noselect) \"/\" c/d
             S: * LIST (\\HasNoChildren) \"/\" c/d/b
             S: g OK listed
             C: h DELETE INBOX
             S: h NO [CANNOT] …
             C: i DELETE nowhere
             S: i NO [NONEXISTENT] …",
        )
        .await;
}
