use sekisho_checkpoint::ports::Directory;
use sekisho_directory::AccountsError;
use sekisho_directory::import::Report;

use crate::site::{Site, address, instant};

const GOOD: &str = "\u{feff}login,name,addresses,groups,password_hash,ends
carol,\"佐藤, Carol\",carol@kit.example; c.sato@kit.example ,staff;teachers,\
$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5,2027-03-31
Ｄａｖｅ,,,,,
";

async fn import(site: &Site, csv: &str, trial: bool) -> Report {
    let report = site.accounts.import_csv(csv.as_bytes(), trial).await;
    report.expect("read")
}

fn problems(report: &Report) -> Vec<u64> {
    report.problems().map(|(line, _)| line).collect()
}

#[tokio::test]
async fn a_good_file_makes_all_its_accounts_after_a_trial_that_made_none() {
    let site = Site::new().await;
    let trial = import(&site, GOOD, true).await;
    assert!(!trial.written && problems(&trial).is_empty());
    assert_eq!(site.found("carol").await, None);

    let report = import(&site, GOOD, false).await;
    assert!(report.written);
    let carol = site.find("c.sato@kit.example").await.expect("there");
    assert_eq!(Some(&carol.id), report.lines[0].outcome.as_ref().ok());
    assert_eq!(carol.display_name, "佐藤, Carol");
    assert_eq!(carol.groups.len(), 2);
    assert!(site.verify(Some(carol.id), "Hello world!").await);
    let listed = site.accounts.show(carol.id).await.expect("there");
    assert_eq!(listed.ends_at, Some(instant("2027-04-01T00:00:00+09:00")));
    let dave = site.find("dave").await.expect("there");
    assert_eq!(dave.addresses, [address("dave@kit.example")]);
    assert!(
        !site.verify(Some(dave.id), "").await,
        "no password lets nobody in"
    );
}

#[tokio::test]
async fn one_bad_line_keeps_the_whole_file_out_and_each_is_named() {
    let site = Site::new().await;
    let csv = "login,addresses,password_hash,ends,groups
carol,carol@kit.example,,,
alice,,,,
carol2,carol@kit.example,,,
dave,dave@gmail.example,,,
erin,,$2y$10$abcdefghijklmnopqrstuv,,
frank,,,31.3.2027,
grace+x,,,,
heidi,,,,two words
ivan,,
judy,,,2027-03-31T17:00:00+09:00,
";
    let report = import(&site, csv, false).await;
    assert!(!report.written);
    assert_eq!(problems(&report), [3, 4, 5, 6, 7, 8, 9, 10]);
    let said: Vec<_> = report
        .problems()
        .map(|(_, error)| error.to_string())
        .collect();
    assert!(
        said.iter().all(|text| !text.contains("abcdefghijkl")),
        "no hash is repeated"
    );
    assert!(said[3].contains("2y") && said[4].contains("31.3.2027"));
    for nobody in ["carol", "judy"] {
        assert_eq!(site.found(nobody).await, None, "{nobody}");
    }
}

#[tokio::test]
async fn a_file_with_unknown_or_missing_columns_is_not_begun() {
    let site = Site::new().await;
    for csv in [
        "",
        "name\nCarol\n",
        "login,password\ncarol,secret\n",
        "login,login\na,b\n",
    ] {
        let read = site.accounts.import_csv(csv.as_bytes(), false).await;
        assert!(matches!(read, Err(AccountsError::Columns(_))), "{csv:?}");
    }
    assert!(
        site.accounts
            .account(site.alice)
            .await
            .expect("asked")
            .is_some()
    );
}
