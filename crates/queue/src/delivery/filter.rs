//! What a person wants done with mail that comes: rules, forwarding, a vacation notice.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sekisho_checkpoint::address::MailAddress;
use sekisho_message::Parsed;
use sekisho_message::casefold::casefold;
use serde::{Deserialize, Serialize};

use sekisho_store::FolderName;

/// The most rules of an account.
const MOST_RULES: usize = 100;
/// The most addresses that mail is forwarded to.
const MOST_FORWARDS: usize = 5;
/// The longest text that a rule looks for, and the longest subject of a notice, in characters.
const LONGEST_LINE: usize = 200;
/// The longest vacation notice, in characters.
const LONGEST_NOTICE: usize = 10_000;

/// The whole filter, as it is written and kept. A part that is missing does nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Where mail is sent on to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<Forward>,
    /// What senders are told while the person is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vacation: Option<Vacation>,
    /// The first rule that fits a message decides.
    #[serde(default, rename = "rule", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// Forwarding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// The addresses.
    pub to: Vec<String>,
    /// Whether a copy stays here.
    #[serde(default = "yes")]
    pub keep: bool,
}

/// A vacation notice (RFC 3834), sent once a week to each sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vacation {
    /// The first day, in the site's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The notice's subject; the message's own one behind `Auto:` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The notice's text.
    pub text: String,
}

/// A rule. It applies to a message that contains all the texts that it gives, in any case and width.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A text that From contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A text that To or Cc contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A text that Subject contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// A text that List-Id contains (RFC 2919).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The folder that the message goes into; the INBOX if none is named, or the folder is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Whether the message is flagged.
    #[serde(default, skip_serializing_if = "is_no")]
    pub flag: bool,
    /// Whether the message is marked as read.
    #[serde(default, skip_serializing_if = "is_no")]
    pub read: bool,
    /// Whether the message is thrown away: neither kept nor forwarded nor answered.
    #[serde(default, skip_serializing_if = "is_no")]
    pub discard: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks this way")]
fn is_no(value: &bool) -> bool {
    !value
}

/// Why a filter is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The target of forwarding is not an address.
    #[error("{0:?} is no mail address to forward to")]
    NoAddress(String),
    /// It says `[forward]` without an address, or too many.
    #[error("[forward] needs one to {MOST_FORWARDS} addresses in `to`")]
    ForwardCount,
    /// The last day is before the first.
    #[error("[vacation] ends before it begins")]
    VacationDays,
    /// The notice is empty or too long.
    #[error("[vacation] needs a `text` of at most {LONGEST_NOTICE} characters")]
    VacationText,
    /// Too many rules.
    #[error("there are more than {MOST_RULES} rules")]
    TooManyRules,
    /// Something is wrong with a rule.
    #[error("rule {number}: {what}")]
    Rule {
        /// Which one, from 1.
        number: usize,
        /// What.
        what: &'static str,
    },
    /// A text has more than one line, is too long, or is empty.
    #[error("{0:?} must be one line of at most {LONGEST_LINE} characters")]
    Line(String),
}

impl Filter {
    /// Whether it does anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the filter.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), FilterError> {
        if let Some(forward) = &self.forward {
            if forward.to.is_empty() || forward.to.len() > MOST_FORWARDS {
                return Err(FilterError::ForwardCount);
            }
            for to in &forward.to {
                MailAddress::parse(to).map_err(|_| FilterError::NoAddress(to.clone()))?;
            }
        }
        if let Some(vacation) = &self.vacation {
            vacation.check()?;
        }
        if self.rules.len() > MOST_RULES {
            return Err(FilterError::TooManyRules);
        }
        for (at, rule) in self.rules.iter().enumerate() {
            let wrong = |what| FilterError::Rule {
                number: at + 1,
                what,
            };
            rule.check(wrong)?;
        }
        Ok(())
    }

    /// The folders that its rules name, each once.
    #[must_use]
    pub fn folders(&self) -> Vec<FolderName> {
        let mut folders: Vec<FolderName> = Vec::new();
        for rule in &self.rules {
            if let Some(folder) = rule.destination()
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
        folders
    }

    /// The first rule that applies to a message.
    pub(super) fn rule(&self, message: &Parsed<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(message))
    }
}

impl Vacation {
    fn check(&self) -> Result<(), FilterError> {
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            return Err(FilterError::VacationDays);
        }
        let length = self.text.chars().count();
        if self.text.trim().is_empty() || length > LONGEST_NOTICE {
            return Err(FilterError::VacationText);
        }
        self.subject.as_deref().map_or(Ok(()), check_line)
    }

    /// Whether today, in this zone, is one of its days.
    pub(super) fn holds(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let today = zone.to_datetime(now).date();
        self.from.is_none_or(|from| from <= today) && self.until.is_none_or(|until| today <= until)
    }
}

impl Rule {
    fn check(&self, wrong: impl Fn(&'static str) -> FilterError) -> Result<(), FilterError> {
        let texts = [&self.from, &self.to, &self.subject, &self.list];
        let mut given = texts.into_iter().flatten().peekable();
        if given.peek().is_none() {
            return Err(wrong(
                "give at least one of `from`, `to`, `subject`, `list` that a message must have",
            ));
        }
        for text in given {
            check_line(text)?;
            if text.trim().is_empty() {
                return Err(wrong("a text to look for is empty: every message has that"));
            }
        }
        if self.folder.is_some() && self.destination().is_none() {
            return Err(wrong("`folder` is no name that a folder can have"));
        }
        let acts = self.folder.is_some() || self.flag || self.read;
        match (self.discard, acts) {
            (true, true) => Err(wrong(
                "`discard` goes alone: what is thrown away is in no folder",
            )),
            (false, false) => Err(wrong(
                "say what is to be done: `folder`, `flag`, `read` or `discard`",
            )),
            _ => Ok(()),
        }
    }

    /// The folder that the rule names.
    pub(super) fn destination(&self) -> Option<FolderName> {
        FolderName::parse(self.folder.as_deref()?).ok()
    }

    fn fits(&self, message: &Parsed<'_>) -> bool {
        let has = |wanted: &Option<String>, fields: &[&str]| {
            let Some(wanted) = wanted else { return true };
            let wanted = casefold(wanted.trim());
            let mut texts = fields.iter().filter_map(|name| message.header_text(name));
            texts.any(|text| casefold(&text).contains(&wanted))
        };
        has(&self.from, &["From"])
            && has(&self.to, &["To", "Cc"])
            && has(&self.subject, &["Subject"])
            && has(&self.list, &["List-Id"])
    }
}

fn check_line(line: &str) -> Result<(), FilterError> {
    let fine = line.chars().count() <= LONGEST_LINE && !line.contains(char::is_control);
    fine.then_some(())
        .ok_or_else(|| FilterError::Line(line.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(change: impl FnOnce(&mut Rule)) -> Rule {
        let mut rule = Rule {
            subject: Some("会議".to_owned()),
            folder: Some("Meetings".to_owned()),
            ..Rule::default()
        };
        change(&mut rule);
        rule
    }

    fn of(rule: Rule) -> Filter {
        Filter {
            rules: vec![rule],
            ..Filter::default()
        }
    }

    #[test]
    fn a_rule_that_would_do_something_else_than_it_seems_is_refused() {
        assert_eq!(of(rule(|_| {})).check(), Ok(()));
        for (wrong, words) in [
            (rule(|r| r.subject = None), "give at least one"),
            (rule(|r| r.subject = Some(" ".into())), "is empty"),
            (rule(|r| r.folder = None), "say what"),
            (rule(|r| r.folder = Some("a//b".into())), "no name"),
            (rule(|r| r.discard = true), "goes alone"),
            (rule(|r| r.from = Some("a\nb".into())), "one line"),
        ] {
            let error = of(wrong).check().unwrap_err().to_string();
            assert!(error.contains(words), "{error}, not {words}");
        }
        let many = Filter {
            rules: vec![rule(|_| {}); MOST_RULES + 1],
            ..Filter::default()
        };
        assert_eq!(many.check(), Err(FilterError::TooManyRules));
    }

    #[test]
    fn forwarding_and_notices_are_checked() {
        let forward = |to: &[&str]| Filter {
            forward: Some(Forward {
                to: to.iter().map(|&t| t.to_owned()).collect(),
                keep: true,
            }),
            ..Filter::default()
        };
        assert_eq!(forward(&["a@far.example"]).check(), Ok(()));
        assert_eq!(forward(&[]).check(), Err(FilterError::ForwardCount));
        assert_eq!(
            forward(&["nobody"]).check(),
            Err(FilterError::NoAddress("nobody".to_owned()))
        );
        let vacation = |from: &str, until: &str, text: &str| Filter {
            vacation: Some(Vacation {
                from: from.parse().ok(),
                until: until.parse().ok(),
                subject: None,
                text: text.to_owned(),
            }),
            ..Filter::default()
        };
        assert_eq!(vacation("2026-12-24", "2026-12-24", "x").check(), Ok(()));
        assert_eq!(
            vacation("2026-12-24", "2026-12-23", "x").check(),
            Err(FilterError::VacationDays)
        );
        assert_eq!(
            vacation("", "", " ").check(),
            Err(FilterError::VacationText)
        );
    }

    #[test]
    fn texts_are_found_in_any_case_width_and_encoding() {
        let message = "From: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?= <Rust@Lists.example>\r\nCc: A <a@kit.example>\r\n\
                       Subject: ＲＵＳＴ news\r\nList-Id: Rust <rust.lists.example>\r\n\r\n会議";
        let message = Parsed::new(message.as_bytes());
        let fits = |change: fn(&mut Rule)| {
            let filter = of(rule(|r| {
                r.subject = None;
                change(r);
            }));
            filter.rule(&message).is_some()
        };
        assert!(fits(|r| r.from = Some("会議".into())));
        assert!(fits(|r| r.from = Some("rust@lists".into())));
        assert!(fits(|r| r.to = Some("A@KIT.example".into())));
        assert!(fits(|r| r.subject = Some("rust".into())));
        assert!(fits(|r| r.list = Some("rust.lists.example".into())));
        assert!(fits(|r| {
            r.subject = Some("rust".into());
            r.to = Some("a@kit.example".into());
        }));
        assert!(!fits(|r| r.subject = Some("会議".into())));
        assert!(!fits(|r| {
            r.subject = Some("rust".into());
            r.to = Some("b@kit.example".into());
        }));
    }

    #[test]
    fn a_notice_holds_from_its_first_day_through_its_last_in_the_sites_zone() {
        let vacation = Vacation {
            from: "2026-12-24".parse().ok(),
            until: "2026-12-31".parse().ok(),
            subject: None,
            text: "away".to_owned(),
        };
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        for (moment, holds) in [
            ("2026-12-23T14:59:59Z", false),
            ("2026-12-23T15:00:00Z", true),
            ("2026-12-31T14:59:59Z", true),
            ("2026-12-31T15:00:00Z", false),
        ] {
            assert_eq!(
                vacation.holds(moment.parse().unwrap(), &tokyo),
                holds,
                "{moment}"
            );
        }
    }
}
