//! The registration under way: sealed in the session, under what allowed it to begin.

use jiff::Timestamp;
use sekisho_otp::{AppCode, UserCode};
use zeroize::Zeroizing;

use super::{Checkpoint, Failure, Site};
use crate::account::AccountId;
use crate::address::MailAddress;
use crate::id::{LetterId, SessionId};
use crate::one_time_code::OneTimeCode;
use crate::policy::FirstRegistration;
use crate::ports::{RecordsError, SessionUpdate};
use crate::rule::registration::first_registration;
use crate::sealing::{Binding, Sealed};
use crate::web::{FirstStep, Person};

// What may have allowed a registration to begin.
const BY_A_FACTOR: &str = "registration by a proven factor";
const FIRST: &str = "first registration";
const FIRST_BY_A_CODE: &str = "first registration by a code of the help desk";

/// A registration under way as it is sealed: a few lines of text.
pub(super) enum Pending {
    App {
        user: UserCode,
        app: Option<AppCode>,
        expires_at: Timestamp,
    },
    /// A key for an authenticator of somebody else's: agreed from two codes that were both drawn here.
    Key {
        app: AppCode,
        user: UserCode,
        expires_at: Timestamp,
    },
    Address {
        to: MailAddress,
        letter: LetterId,
        expires_at: Timestamp,
    },
    /// No registration, but shown just as long to the same person alone: recovery codes made a moment ago.
    RecoveryCodes {
        codes: Vec<OneTimeCode>,
        expires_at: Timestamp,
    },
}

impl Pending {
    pub(super) fn app(user: &UserCode, app: Option<&AppCode>, expires_at: Timestamp) -> Self {
        Self::App {
            user: user.clone(),
            app: app.cloned(),
            expires_at,
        }
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        match self {
            Self::App { expires_at, .. }
            | Self::Key { expires_at, .. }
            | Self::Address { expires_at, .. }
            | Self::RecoveryCodes { expires_at, .. } => *expires_at,
        }
    }

    pub(super) fn written(&self) -> Zeroizing<String> {
        let expires = self.expires_at().as_millisecond();
        Zeroizing::new(match self {
            Self::App { user, app, .. } => {
                let app = app.as_ref().map(AppCode::grouped).unwrap_or_default();
                format!("app\n{expires}\n{}\n{app}", user.grouped())
            }
            Self::Key { app, user, .. } => {
                format!("key\n{expires}\n{}\n{}", user.grouped(), app.grouped())
            }
            Self::RecoveryCodes { codes, .. } => {
                let codes: Vec<&str> = codes.iter().map(OneTimeCode::expose).collect();
                format!("recovery\n{expires}\n{}\n", codes.join(" "))
            }
            Self::Address { to, letter, .. } => format!("address\n{expires}\n{to}\n{letter}"),
        })
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let what = lines.next()?;
        let expires_at = Timestamp::from_millisecond(lines.next()?.parse().ok()?).ok()?;
        let (first, second) = (lines.next()?, lines.next()?);
        match what {
            "app" => Some(Self::App {
                user: UserCode::parse(first).ok()?,
                app: if second.is_empty() {
                    None
                } else {
                    Some(AppCode::parse(second).ok()?)
                },
                expires_at,
            }),
            "key" => Some(Self::Key {
                user: UserCode::parse(first).ok()?,
                app: AppCode::parse(second).ok()?,
                expires_at,
            }),
            "recovery" => Some(Self::RecoveryCodes {
                codes: first
                    .split(' ')
                    .map(OneTimeCode::parse)
                    .collect::<Result<_, _>>()
                    .ok()?,
                expires_at,
            }),
            "address" => Some(Self::Address {
                to: MailAddress::parse(first).ok()?,
                letter: LetterId::new(second.parse().ok()?),
                expires_at,
            }),
            _ => None,
        }
    }
}

impl Checkpoint {
    /// The registration under way, if what it was begun by would still do: it does not open once a factor is registered
    /// that was not proven for it.
    pub(super) fn pending(&self, person: Person<'_>) -> Option<Pending> {
        let sealed = person.session.registration.as_ref()?;
        let binding = pending_binding(person, &self.site())?;
        let plain = self.keys.open(binding, sealed).ok()?;
        let pending = Pending::read(std::str::from_utf8(&plain).ok()?)?;
        (self.now() < pending.expires_at()).then_some(pending)
    }

    /// A registration under way as it is kept in the session; `None` where none may be under way.
    pub(super) fn sealed_pending(
        &self,
        person: Person<'_>,
        pending: &Pending,
    ) -> Result<Option<Sealed>, Failure> {
        Ok(match pending_binding(person, &self.site()) {
            Some(binding) => Some(self.keys.seal(binding, pending.written().as_bytes())?),
            None => None,
        })
    }

    /// Keeps a registration under way, in place of one before.
    pub(super) async fn keep_pending(
        &self,
        person: Person<'_>,
        pending: &Pending,
    ) -> Result<(), Failure> {
        let update = SessionUpdate {
            registration: Some(self.sealed_pending(person, pending)?),
            ..SessionUpdate::default()
        };
        self.records
            .update_session(person.session.id, &update)
            .await?;
        Ok(())
    }

    pub(super) async fn end_pending(&self, person: Person<'_>) -> Result<(), RecordsError> {
        let update = SessionUpdate {
            registration: Some(None),
            ..SessionUpdate::default()
        };
        self.records
            .update_session(person.session.id, &update)
            .await
            .map(drop)
    }
}

/// What a registration under way is bound to: its session, and what allowed it to begin. `None` where none may be under
/// way.
fn pending_binding(person: Person<'_>, site: &Site) -> Option<Binding<'static>> {
    let purpose = match (person.owed, person.facts.has_factor()) {
        (Some(FirstStep::Prove(_) | FirstStep::AllDisabled), _) => return None,
        (_, true) => BY_A_FACTOR,
        (_, false) => match first_demand(person, site) {
            FirstRegistration::Allow => FIRST,
            FirstRegistration::EnrolmentCode => FIRST_BY_A_CODE,
            FirstRegistration::Forbid => return None,
        },
    };
    Some(binding(person.account.id, person.session.id, purpose))
}

/// To one of these a registration under way in a session is bound.
pub(super) fn pending_bindings(account: AccountId, session: SessionId) -> [Binding<'static>; 3] {
    [BY_A_FACTOR, FIRST, FIRST_BY_A_CODE].map(|purpose| binding(account, session, purpose))
}

fn binding(account: AccountId, session: SessionId, purpose: &'static str) -> Binding<'static> {
    Binding {
        purpose,
        account: account.get(),
        item: session.get(),
    }
}

/// What a first registration needs from where the person is now.
pub(super) fn first_demand(person: Person<'_>, site: &Site) -> FirstRegistration {
    let trusted = site.networks.trust(&person.source);
    first_registration(person.facts, trusted, &site.policy)
}
