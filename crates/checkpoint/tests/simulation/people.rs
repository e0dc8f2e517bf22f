//! What is done in a run. Each act is a browser, or a mail client, or the help desk, with a few things to do in a row,
//! each at a node of its own.

use std::cell::RefCell;
use std::sync::PoisonError;

use jiff::SignedDuration;
use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::door::Attempt;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::Clock as _;
use sekisho_checkpoint::session::Purpose;
use sekisho_checkpoint::web::{AdmittedSession, FactorOwed, Person, WebStanding};
use sekisho_checkpoint::{Admitted, Challenge, Password, Proof, RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpCode, OtpKey, Step};

use crate::run::Act;
use crate::world::{Typed, World, ai, of_an_app, place};

/// For what a draft is sealed.
pub const DRAFT: Purpose = Purpose::Stash;

/// A browser, and what it may count on.
#[derive(Default)]
pub struct Browser {
    pub place: usize,
    pub token: Option<SessionToken>,
    /// Whether it was told that its draft is kept.
    pub has_draft: bool,
}

/// What acts leave behind to be looked at when all are done.
#[derive(Default)]
pub struct Left {
    pub browsers: RefCell<Vec<Browser>>,
    pub connections: RefCell<Vec<Admitted>>,
    /// What was accepted of what counts once.
    pub accepted: RefCell<Vec<String>>,
}

impl Left {
    /// Remembers what a proof was made with, if it was accepted.
    fn accept<T, E>(&self, of: String, result: Result<T, E>) -> Option<T> {
        let accepted = result.ok()?;
        self.accepted.borrow_mut().push(of);
        Some(accepted)
    }
}

/// An act, as the dice decide.
pub fn act<'a>(world: &'a World, left: &'a Left) -> Act<'a> {
    match world.dice.below(9) {
        0 => Box::pin(mail_client(world, left)),
        8 => Box::pin(somebody_who_guesses(world)),
        1 if world.dice.one_in(3) => Box::pin(help_desk(world)),
        2 if world.dice.one_in(4) => Box::pin(time_passes(world)),
        _ => {
            let index = left.browsers.borrow().len();
            left.browsers.borrow_mut().push(Browser {
                place: world.dice.below(2),
                ..Browser::default()
            });
            Box::pin(browser(world, left, index))
        }
    }
}

async fn mail_client(world: &World, left: &Left) {
    for _ in 0..2 {
        let attempt = Attempt {
            door: Door::Imap,
            name: "ai".to_owned(),
            authorization: None,
            password: world.directory.password(),
            source: place(world.dice.below(3)),
            client: String::new(),
        };
        if let Ok(admitted) = world.node().admit(attempt).await {
            left.connections.borrow_mut().push(admitted);
        }
    }
}

/// Tries passwords, some of them twice.
async fn somebody_who_guesses(world: &World) {
    for _ in 0..4 {
        let attempt = Attempt {
            door: Door::Imap,
            name: ["ai", "nobody"][world.dice.below(2)].to_owned(),
            authorization: None,
            password: Password::new(format!("guess {}", world.dice.below(3))),
            source: place(world.dice.below(2)),
            client: String::new(),
        };
        let admitted = world.node().admit(attempt).await;
        assert!(admitted.is_err(), "seed {}: a guess lets in", world.seed);
    }
}

async fn help_desk(world: &World) {
    // Whether it was done is seen in the records.
    let _ = world.node().desk_reset_factors(&ai(), "").await;
}

async fn time_passes(world: &World) {
    let hours = [1, 13, 14][world.dice.below(3)];
    world.clock.advance(SignedDuration::from_hours(hours));
}

/// Signs in, writes a draft, proves the factor if it is owed, and then does things that need a session.
async fn browser(world: &World, left: &Left, index: usize) {
    let place = place(left.browsers.borrow()[index].place);
    let password = world.directory.password();
    let Ok(signed) = world.node().sign_in("ai", password, place, "").await else {
        return;
    };
    left.browsers.borrow_mut()[index].token = Some(signed.token.clone());
    // What is done in a session says in which.
    let name = signed.session_id().to_string();
    let draft = signed
        .key()
        .seal(DRAFT, signed.session_id(), b"half a letter")
        .expect("sealed");
    if world
        .node()
        .put_stash(signed.session_id(), Some(draft))
        .await
        .is_ok()
    {
        left.browsers.borrow_mut()[index].has_draft = true;
    }
    for _ in 0..1 + world.dice.below(3) {
        let token = left.browsers.borrow()[index].token.clone();
        let Some(token) = token else {
            return;
        };
        let node = world.node();
        let Ok(standing) = node.resume(&token, place).await else {
            return;
        };
        let next = match &standing {
            WebStanding::Owed(owed) => match something_to_type(world, owed).await {
                Some(typed) => left.accept(typed.of, node.prove(owed, typed.proof, &name).await),
                None => return,
            },
            WebStanding::Admitted(session) => something(world, left, &token, session).await,
        };
        if next.is_some() {
            left.browsers.borrow_mut()[index].token = next;
        }
    }
}

/// What somebody types who is asked for a factor; now and then a wrong code.
async fn something_to_type(world: &World, owed: &FactorOwed) -> Option<Typed> {
    match world.dice.below(8) {
        0 => {
            let mailed = world
                .node()
                .challenge(Person::from(owed), FactorKind::ExternalMail);
            let Challenge::Mailed(code) = mailed.await.ok()?;
            world.mailed_code(code.letter)
        }
        1 | 2 => world.recovery_code(),
        3 => Some(Typed {
            proof: Proof::App(OtpCode::parse("000000").expect("a code")),
            of: "a guess".to_owned(),
        }),
        _ => world.code(),
    }
}

/// Does something that needs a session; returns the new token, if it came to one.
async fn something(
    world: &World,
    left: &Left,
    token: &SessionToken,
    session: &AdmittedSession,
) -> Option<SessionToken> {
    let node = world.node();
    let name = &session.session_id().to_string();
    let reproof = || Reproof {
        password: Some(world.directory.password()),
        proof: world.code().map(|typed| typed.proof),
        ..Reproof::none()
    };
    match world.dice.below(8) {
        0 => {
            // All of these say in the records whether they were done.
            let _ = node.not_me(session, name).await;
        }
        1 => {
            let old = world.directory.password();
            let new = Password::new(format!("new {}", world.dice.below(1000)));
            let _ = node
                .change_password(session, old, &new, reproof(), name.as_str())
                .await;
        }
        2 => {
            let _ = node.end_grants(session, None, name).await;
        }
        3 => {
            let factors = &session.standing().factors;
            let oldest = factors.first()?.id;
            let _ = node.remove_factor(session, oldest, &reproof(), name).await;
        }
        4 => {
            let on = world.dice.one_in(2);
            let _ = node.set_mfa(session, on, &reproof(), name).await;
        }
        5 => {
            let typed = world.code()?;
            return left.accept(typed.of, node.renew(session, typed.proof, name).await);
        }
        6 => {
            // The line's other address joins the grant.
            let token = node.offer_companion(session).await.ok()??;
            let _ = world.node().claim_companion(&token, place(2), name).await;
        }
        _ => return register(world, left, token, session, &reproof()).await,
    }
    None
}

/// Registers an app: two requests, each of which reads the session anew.
async fn register(
    world: &World,
    left: &Left,
    token: &SessionToken,
    session: &AdmittedSession,
    reproof: &Reproof,
) -> Option<SessionToken> {
    let app = AppCode::generate();
    let name = &session.session_id().to_string();
    let begun = world
        .node()
        .take_app_code(session.into(), app.clone(), reproof, name)
        .await;
    let Ok(RegistrationState::Codes { user, .. }) = begun else {
        return None;
    };
    let key = OtpKey::agree(&app, &user);
    let standing = world
        .node()
        .resume(token, session.admitted().source())
        .await
        .ok()?;
    let person = match &standing {
        WebStanding::Admitted(session) => Person::from(session),
        WebStanding::Owed(owed) => Person::from(owed),
    };
    let step = Step::at(world.clock.now().as_second());
    let finished = world
        .node()
        .finish_app(person, key.code(step), "", name)
        .await;
    let mut apps = world.apps.lock().unwrap_or_else(PoisonError::into_inner);
    let registered = left.accept(of_an_app(apps.len(), step), finished)?;
    apps.push(key);
    Some(registered.token)
}
