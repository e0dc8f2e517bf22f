//! The capabilities that an upstream was seen to offer. Clients are told them before the login, and most logins see the
//! same again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::capabilities;

/// How long POP3 capabilities are valid; after that, the next login asks for them again.
const POP3_KNOWN: SignedDuration = SignedDuration::from_mins(10);

/// The capabilities that an upstream offers.
#[derive(Debug, Default)]
pub struct Learned {
    offers: RwLock<Offers>,
    changes: AtomicU64,
    /// The last greeting of an IMAP server.
    pub(crate) greeting: Heard,
    /// The last IMAP response to a login.
    pub(crate) welcome: Heard,
    kept: RwLock<Option<Kept>>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Offers {
    pub(crate) imap: Option<Arc<[String]>>,
    pub(crate) pop3: Option<Arc<[String]>>,
    pub(crate) submission: Option<Arc<[String]>>,
    pub(crate) sieve: Option<Arc<[String]>>,
    /// When a POP3 server was last asked.
    pop3_asked: Option<Timestamp>,
}

/// The IMAP capabilities for clients, computed from those of the upstream.
#[derive(Debug)]
struct Kept {
    of: Arc<[String]>,
    announced: Arc<str>,
}

impl Learned {
    pub(crate) fn get(&self) -> Offers {
        self.offers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A number that changes with every change of the capabilities.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(crate) fn note(
        &self,
        of: impl Fn(&mut Offers) -> &mut Option<Arc<[String]>>,
        lines: &[String],
    ) {
        let mut now = self.get();
        // Most logins see the same capabilities, and then no login waits for the write lock.
        if of(&mut now).as_deref() != Some(lines) {
            let mut offers = self.offers.write().unwrap_or_else(PoisonError::into_inner);
            *of(&mut offers) = Some(lines.into());
            self.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// The POP3 capabilities, if a server was asked lately. They are not part of the greeting, so asking costs another
    /// round trip at each login.
    pub(crate) fn pop3(&self, now: Timestamp) -> Option<Arc<[String]>> {
        let offers = self.offers.read().unwrap_or_else(PoisonError::into_inner);
        let lately = offers
            .pop3_asked
            .is_some_and(|asked| asked <= now && now < asked + POP3_KNOWN);
        offers.pop3.clone().filter(|_| lately)
    }

    /// Stores the capabilities that a POP3 server has just sent.
    pub(crate) fn note_pop3(&self, lines: &[String], now: Timestamp) {
        self.note(|offers| &mut offers.pop3, lines);
        let mut offers = self.offers.write().unwrap_or_else(PoisonError::into_inner);
        offers.pop3_asked = Some(now);
    }

    /// Makes the next POP3 login ask for the capabilities again: this login failed, possibly because they have changed.
    pub(crate) fn doubt_pop3(&self) {
        let mut offers = self.offers.write().unwrap_or_else(PoisonError::into_inner);
        offers.pop3_asked = None;
    }

    /// The IMAP capabilities to announce after the login; computed once for the same list.
    pub(crate) fn kept(&self, offered: &Arc<[String]>, guarded: bool) -> Arc<str> {
        if let Some(kept) = &*self.kept.read().unwrap_or_else(PoisonError::into_inner)
            && Arc::ptr_eq(&kept.of, offered)
        {
            return Arc::clone(&kept.announced);
        }
        let announced: Arc<str> = capabilities::kept(offered, guarded).into();
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Kept {
            of: Arc::clone(offered),
            announced: Arc::clone(&announced),
        });
        announced
    }
}

/// A response with capabilities, and the capabilities parsed from it. The next connection usually receives the same
/// bytes, which then need not be parsed.
#[derive(Debug, Default)]
pub(crate) struct Heard(RwLock<Option<Offering>>);

#[derive(Debug)]
struct Offering {
    response: Vec<u8>,
    offered: Arc<[String]>,
}

impl Heard {
    /// The capabilities, if the last response had the same bytes.
    pub(crate) fn again(&self, response: &[u8]) -> Option<Arc<[String]>> {
        let last = self.0.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref()
            .filter(|last| last.response == response)
            .map(|last| Arc::clone(&last.offered))
    }

    /// Stores a response with its capabilities.
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
        // Clients are told the same as before.
        assert_eq!(
            learned.get().pop3.as_deref(),
            Some(&lines(&["SASL PLAIN"])[..])
        );
    }
}
