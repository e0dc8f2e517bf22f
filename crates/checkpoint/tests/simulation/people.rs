//! What is done in a run. Each act is a browser, or a mail client, or the help desk, with a few things to do in a row,
//! each at a node of its own.

use std::cell::RefCell;
use std::sync::PoisonError;

use jiff::SignedDuration;
use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::door::Attempt;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::Clock as _;
use sekisho_checkpoint::session::Purpose;
use sekisho_checkpoint::web::{AdmittedSession, Person, WebStanding};
use sekisho_checkpoint::{Admitted, Password, Proof, RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpKey, Step};

use crate::run::Act;
use crate::world::{World, ai, place};

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
}

/// An act, as the dice decide.
pub fn act<'a>(world: &'a World, left: &'a Left) -> Act<'a> {
    match world.dice.below(8) {
        0 => Box::pin(mail_client(world, left)),
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
            source: place(world.dice.below(2)),
            client: String::new(),
        };
        if let Ok(admitted) = world.node().admit(attempt).await {
            left.connections.borrow_mut().push(admitted);
        }
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
            WebStanding::Owed(owed) => match world.code() {
                Some(code) => node.prove(owed, Proof::App(code), "").await.ok(),
                None => return,
            },
            WebStanding::Admitted(session) => something(world, &token, session).await,
        };
        if next.is_some() {
            left.browsers.borrow_mut()[index].token = next;
        }
    }
}

/// Does something that needs a session; returns the new token, if it came to one.
async fn something(
    world: &World,
    token: &SessionToken,
    session: &AdmittedSession,
) -> Option<SessionToken> {
    let node = world.node();
    let reproof = || Reproof {
        password: Some(world.directory.password()),
        proof: world.code().map(Proof::App),
        ..Reproof::none()
    };
    match world.dice.below(7) {
        0 => {
            // All of these say in the records whether they were done.
            let _ = node.not_me(session, "").await;
        }
        1 => {
            let old = world.directory.password();
            let new = Password::new(format!("new {}", world.dice.below(1000)));
            let _ = node
                .change_password(session, old, &new, reproof(), "")
                .await;
        }
        2 => {
            let _ = node.end_grants(session, None, "").await;
        }
        3 => {
            let factors = &session.standing().factors;
            let oldest = factors.first()?.id;
            let _ = node.remove_factor(session, oldest, &reproof(), "").await;
        }
        4 => {
            let on = world.dice.one_in(2);
            let _ = node.set_mfa(session, on, &reproof(), "").await;
        }
        5 => {
            return node
                .renew(session, Proof::App(world.code()?), "")
                .await
                .ok();
        }
        _ => return register(world, token, session, &reproof()).await,
    }
    None
}

/// Registers an app: two requests, each of which reads the session anew.
async fn register(
    world: &World,
    token: &SessionToken,
    session: &AdmittedSession,
    reproof: &Reproof,
) -> Option<SessionToken> {
    let app = AppCode::generate();
    let begun = world
        .node()
        .take_app_code(session.into(), app.clone(), reproof, "")
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
    let code = key.code(Step::at(world.clock.now().as_second()));
    let registered = world.node().finish_app(person, code, "", "").await.ok()?;
    world
        .apps
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(key);
    Some(registered.token)
}
