//! What an upstream was found to offer: clients are told so before their login, and most logins find the same again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::imap;

/// How long POP3 servers are taken at their word; after that one is asked again in passing.
const POP3_KNOWN: SignedDuration = SignedDuration::from_mins(10);

/// What an upstream was found to offer, as told before a login.
#[derive(Debug, Default)]
pub struct Learned {
    offers: RwLock<Offers>,
    changes: AtomicU64,
    /// What IMAP servers greet with.
    pub(crate) greeting: Heard,
    /// What they answer to a login.
    pub(crate) welcome: Heard,
    kept: RwLock<Option<Kept>>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Offers {
    pub(crate) imap: Option<Arc<[String]>>,
    pub(crate) pop3: Option<Arc<[String]>>,
    pub(crate) submission: Option<Arc<[String]>>,
    pub(crate) sieve: Option<Arc<[String]>>,
    /// When POP3 was asked.
    pop3_asked: Option<Timestamp>,
}

/// What clients are told of what is offered.
#[derive(Debug)]
struct Kept {
    of: Arc<[String]>,
    told: Arc<str>,
}

impl Learned {
    pub(crate) fn get(&self) -> Offers {
        self.offers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Another number after each change.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(crate) fn note(
        &self,
        of: impl Fn(&mut Offers) -> &mut Option<Arc<[String]>>,
        lines: &[String],
    ) {
        let mut now = self.get();
        // Most logins find the same, and then nobody has to wait for a lock.
        if of(&mut now).as_deref() != Some(lines) {
            let mut offers = self.offers.write().unwrap_or_else(PoisonError::into_inner);
            *of(&mut offers) = Some(lines.into());
            self.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// What POP3 servers offer, if one was asked lately: it is no part of their greeting, and a question more for each login.
    pub(crate) fn pop3(&self, now: Timestamp) -> Option<Arc<[String]>> {
        let offers = self.offers.read().unwrap_or_else(PoisonError::into_inner);
        let lately = offers
            .pop3_asked
            .is_some_and(|asked| asked <= now && now < asked + POP3_KNOWN);
        offers.pop3.clone().filter(|_| lately)
    }

    /// Notes the answer of a POP3 server that was asked now.
    pub(crate) fn note_pop3(&self, lines: &[String], now: Timestamp) {
        self.note(|offers| &mut offers.pop3, lines);
        let mut offers = self.offers.write().unwrap_or_else(PoisonError::into_inner);
        offers.pop3_asked = Some(now);
    }

    /// Lets the next POP3 login ask again: this one failed, and it may be for what was believed of the server.
    pub(crate) fn doubt_pop3(&self) {
        let mut offers = self.offers.write().unwrap_or_else(PoisonError::into_inner);
        offers.pop3_asked = None;
    }

    /// What clients are told of what IMAP offers after the login, made once for the same words.
    pub(crate) fn kept(&self, offered: &Arc<[String]>, guarded: bool) -> Arc<str> {
        if let Some(kept) = &*self.kept.read().unwrap_or_else(PoisonError::into_inner)
            && Arc::ptr_eq(&kept.of, offered)
        {
            return Arc::clone(&kept.told);
        }
        let told: Arc<str> = imap::kept(offered, guarded).into();
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Kept {
            of: Arc::clone(offered),
            told: Arc::clone(&told),
        });
        told
    }
}

/// A response in which a server says what it offers, and what that is. The next connection mostly hears the same to the byte, and then nothing has to be taken apart.
#[derive(Debug, Default)]
pub(crate) struct Heard(RwLock<Option<Offering>>);

#[derive(Debug)]
struct Offering {
    response: Vec<u8>,
    offered: Arc<[String]>,
}

impl Heard {
    /// What is offered, if this very response was heard last.
    pub(crate) fn again(&self, response: &[u8]) -> Option<Arc<[String]>> {
        let last = self.0.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref()
            .filter(|last| last.response == response)
            .map(|last| Arc::clone(&last.offered))
    }

    /// Notes what a response says.
    pub(crate) fn note(&self, response: &[u8], offered: Vec<String>) -> Arc<[String]> {
        let offered: Arc<[String]> = offered.into();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Offering {
            response: response.to_vec(),
            offered: Arc::clone(&offered),
        });
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[&str]) -> Vec<String> {
        all.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn only_the_very_same_response_is_not_taken_apart_again() {
        let heard = Heard::default();
        assert_eq!(heard.again(b"* OK [CAPABILITY A] hi"), None);
        heard.note(b"* OK [CAPABILITY A] hi", lines(&["A"]));
        let again = heard.again(b"* OK [CAPABILITY A] hi");
        assert_eq!(again.as_deref(), Some(&lines(&["A"])[..]));
        assert_eq!(heard.again(b"* OK [CAPABILITY A B] hi"), None);
        assert_eq!(heard.again(b"* OK [CAPABILITY A] h"), None);
    }

    #[test]
    fn what_clients_are_told_changes_with_what_the_upstream_offers() {
        let learned = Learned::default();
        let one: Arc<[String]> = lines(&["IMAP4REV1", "IDLE"]).into();
        let other: Arc<[String]> = lines(&["IMAP4REV1", "SORT"]).into();
        assert_eq!(&*learned.kept(&one, false), "IMAP4rev1 IDLE");
        assert_eq!(&*learned.kept(&other, false), "IMAP4rev1 SORT");
        learned.note(|offers| &mut offers.imap, &one);
        let before = learned.changes();
        learned.note(|offers| &mut offers.imap, &one);
        assert_eq!(learned.changes(), before);
        learned.note(|offers| &mut offers.imap, &other);
        assert_ne!(learned.changes(), before);
    }

    #[test]
    fn a_pop3_server_is_asked_again_after_a_while_and_after_a_failure() {
        let learned = Learned::default();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(learned.pop3(now), None);
        learned.note_pop3(&lines(&["SASL PLAIN"]), now);
        let known = |at| learned.pop3(at).is_some();
        assert!(known(now) && known(now + SignedDuration::from_mins(9)));
        assert!(!known(now + SignedDuration::from_mins(10)));
        assert!(!known(now - SignedDuration::from_secs(1)));
        learned.doubt_pop3();
        assert!(!known(now));
        // Clients are told as before.
        assert_eq!(
            learned.get().pop3.as_deref(),
            Some(&lines(&["SASL PLAIN"])[..])
        );
    }
}
