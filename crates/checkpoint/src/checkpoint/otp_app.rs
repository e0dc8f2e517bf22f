//! OTP apps: the exchange of codes that registers one, and proving one: which step a code belongs to, and whether it
//! was used (RFC 6238).

use jiff::Timestamp;
use sekisho_otp::{AppCode, OtpCode, OtpKey, Step, UserCode};

use super::pending::Pending;
use super::prove::{ProofError, web_event};
use super::register::{RegisterError, Registered, RegistrationState, one_more_may_come};
use super::reproof::Reproof;
use super::turns::AccountTurn;
use super::{Checkpoint, Failure};
use crate::account::AccountId;
use crate::audit::EventKind;
use crate::factor::{Factor, FactorKind, Method, Standing, shortened_name};
use crate::id::{FactorId, SessionToken};
use crate::ports::{AccountUpdate, Applied, Change, Expected, OneTime, RecordsError};
use crate::sealing::{Binding, Sealed};
use crate::web::Person;

/// How many steps away the code of a wrong clock is recognised at a sign-in: ten minutes.
const CLOCK_RADIUS: u64 = 20;
/// How far a wrong clock is recognised at registration, in steps: twelve hours.
const CLOCK_RADIUS_AT_REGISTRATION: u64 = 1440;

impl Checkpoint {
    /// Makes a user code to show; a new one takes the place of one that waits.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn offer_user_code(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        client: &str,
    ) -> Result<RegistrationState, RegisterError> {
        self.may_register(person, FactorKind::OtpApp, reproof, client)
            .await?;
        let expires_at = self.now() + self.site().policy.user_code;
        let user = UserCode::generate();
        self.keep_pending(person, &Pending::app(&user, None, expires_at))
            .await?;
        Ok(RegistrationState::UserCode { user, expires_at })
    }

    /// Makes a key to show to an authenticator of somebody else's, as a QR code or to be typed (RFC 6238 by its common
    /// form).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn offer_key(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), RegisterError> {
        self.may_register(person, FactorKind::OtpApp, reproof, client)
            .await?;
        let pending = Pending::Key {
            app: AppCode::generate(),
            user: UserCode::generate(),
            expires_at: self.now() + self.site().policy.user_code,
        };
        Ok(self.keep_pending(person, &pending).await?)
    }

    /// Takes the app code; makes the user code too, if none waits.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn take_app_code(
        &self,
        person: Person<'_>,
        app: AppCode,
        reproof: &Reproof,
        client: &str,
    ) -> Result<RegistrationState, RegisterError> {
        let (user, expires_at) = match self.pending(person) {
            Some(Pending::App {
                user, expires_at, ..
            }) => (user, expires_at),
            _ => {
                self.may_register(person, FactorKind::OtpApp, reproof, client)
                    .await?;
                (
                    UserCode::generate(),
                    self.now() + self.site().policy.user_code,
                )
            }
        };
        if app.grouped() == user.grouped() {
            return Err(RegisterError::SameCode);
        }
        let pending = Pending::app(&user, Some(&app), expires_at);
        self.keep_pending(person, &pending).await?;
        Ok(RegistrationState::Codes {
            user,
            app,
            expires_at,
        })
    }

    /// Finishes the registration of an OTP app with the code that it shows. For someone who owed a factor this makes
    /// the grant.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn finish_app(
        &self,
        person: Person<'_>,
        otp: OtpCode,
        name: &str,
        client: &str,
    ) -> Result<Registered, RegisterError> {
        let Some(
            Pending::App {
                user,
                app: Some(app),
                ..
            }
            | Pending::Key { user, app, .. },
        ) = self.pending(person)
        else {
            return Err(RegisterError::NothingWaits);
        };
        one_more_may_come(person, FactorKind::OtpApp)?;
        let now = self.now();
        let key = OtpKey::agree(&app, &user);
        let Some(step) = key.find(&otp, now.as_second()) else {
            return Err(RegisterError::Proof(
                match key.find_wide(&otp, now.as_second(), CLOCK_RADIUS_AT_REGISTRATION) {
                    Some(step) => ProofError::ClockOff {
                        minutes: minutes_off(step, now),
                        tries_left: None,
                    },
                    None => ProofError::Wrong {
                        kind: FactorKind::OtpApp,
                        tries_left: None,
                    },
                },
            ));
        };
        let id = FactorId::draw().map_err(Failure::from)?;
        let binding = otp_key_binding(person.account.id, id);
        let factor = Factor {
            id,
            name: shortened_name(name),
            registered_at: now,
            last_used_at: Some(now),
            method: Method::OtpApp {
                key: self
                    .keys
                    .seal(binding, key.expose_bytes())
                    .map_err(Failure::from)?,
                last_step: Some(step),
            },
        };
        let token = SessionToken::draw().map_err(Failure::from)?;
        let event = web_event(person, EventKind::AppRegistered, client, &factor.name, now);
        let update = self.finishing(person, FactorKind::OtpApp, &token, client, event)?;
        let update = AccountUpdate {
            expects: Some(Expected::of(person.facts)),
            change: Change::AddFactor(factor),
            ..update
        };
        match self.apply(&update).await? {
            Applied::Done(_) => Ok(Registered { token, factor: id }),
            Applied::SessionEnded => Err(ProofError::PasswordAgain.into()),
            Applied::OutOfDate | Applied::NotAccepted => Err(ProofError::OutOfDate.into()),
        }
    }

    /// Checks the code of an app, and has its step accepted together with what follows.
    pub(super) async fn verify_app(
        &self,
        turn: &mut AccountTurn,
        person: Person<'_>,
        standing: &Standing,
        code: &OtpCode,
        client: &str,
        mut update: AccountUpdate,
    ) -> Result<(), ProofError> {
        let now = update.at;
        let mut clock_off = None;
        let mut used = None;
        for factor in standing.of_kind(FactorKind::OtpApp) {
            let Method::OtpApp { key, .. } = &factor.method else {
                continue;
            };
            let key = self.open_key(person, factor.id, key)?;
            if let Some(step) = key.find(code, now.as_second()) {
                update.uses = Some(OneTime::Step {
                    factor: factor.id,
                    step,
                });
                if self.accept(turn, &update).await? {
                    return Ok(());
                }
                used = Some(step);
            } else if let Some(step) = key.find_wide(code, now.as_second(), CLOCK_RADIUS)
                && step < Step::at(now.as_second())
            {
                // Of a code that is yet to come nothing is said: whoever guessed it would only have to wait.
                clock_off = Some(step);
            }
        }
        if let Some(step) = used {
            return Err(used_error(step, now));
        }
        let tries_left = self
            .count_wrong(turn, person, FactorKind::OtpApp, client, now)
            .await?;
        Err(match clock_off {
            Some(step) => ProofError::ClockOff {
                minutes: minutes_off(step, now),
                tries_left: Some(tries_left),
            },
            None => ProofError::Wrong {
                kind: FactorKind::OtpApp,
                tries_left: Some(tries_left),
            },
        })
    }

    fn open_key(
        &self,
        person: Person<'_>,
        factor: FactorId,
        sealed: &Sealed,
    ) -> Result<OtpKey, Failure> {
        let bytes = self
            .keys
            .open(otp_key_binding(person.account.id, factor), sealed)?;
        OtpKey::from_bytes(&bytes).map_err(|e| RecordsError(e.to_string()).into())
    }
}

/// What an OTP app's key is bound to.
pub(super) fn otp_key_binding(account: AccountId, factor: FactorId) -> Binding<'static> {
    Binding {
        purpose: "otp key",
        account: account.get(),
        item: factor.get(),
    }
}

/// The next unused code is shown when the used step, or the present one if that is later, ends.
fn used_error(step: Step, now: Timestamp) -> ProofError {
    let end = step.max(Step::at(now.as_second())).end();
    ProofError::Used {
        next_in_seconds: u32::try_from(end - now.as_second()).unwrap_or(0),
    }
}

/// By how many minutes a clock is off that shows the code of `step` now.
pub(super) fn minutes_off(step: Step, now: Timestamp) -> i32 {
    let shown = step.end() - 15;
    i32::try_from((shown - now.as_second()) / 60).unwrap_or(0)
}
