//! The demo on the machine's clock, for programs that have no other clock, and Hanako with an OTP app.

use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::SignedDuration;
use sekisho::clock::WallClock;
use sekisho::demo::{CAMPUS, Demo, DemoArguments, Elsewhere};
use sekisho_checkpoint::web::{Person, WebStanding};
use sekisho_checkpoint::{Password, Proof, RegistrationState, Reproof};
use sekisho_directory::ArgonCost;
use sekisho_otp::{AppCode, OtpCode, OtpKey, Step};
use sekisho_source::{KeyLength, Source};

/// Starts the demo on free ports.
pub async fn demo() -> anyhow::Result<Demo> {
    let arguments = DemoArguments {
        dir: None,
        ports: 0,
        json: true,
        grant: SignedDuration::from_hours(14),
    };
    Demo::start_with(
        arguments,
        Arc::new(WallClock),
        ArgonCost::least(),
        Elsewhere::default(),
    )
    .await
}

/// Hanako's OTP app.
pub struct App {
    key: OtpKey,
    used: u64,
}

impl App {
    /// The next unused code. It can be one step early, which the checkpoint accepts.
    pub fn next(&mut self, demo: &Demo) -> OtpCode {
        let now = Step::at(demo.system.checkpoint.now().as_second()).0;
        self.used = now.max(self.used + 1);
        self.key.code(Step(self.used))
    }
}

/// Registers an app for Hanako on campus and turns MFA on.
pub async fn hanako_uses_mfa(demo: &Demo) -> anyhow::Result<App> {
    let checkpoint = &demo.system.checkpoint;
    let campus = Source::assured(CAMPUS, KeyLength::default());
    let hanako = demo.tour.accounts.first().context("nobody lives here")?;
    let password = Password::new(hanako.password.clone());
    let signed = checkpoint
        .sign_in(&hanako.login, password, campus, "test")
        .await?;
    let WebStanding::Admitted(session) = signed.standing else {
        bail!("not let in on campus");
    };
    let app_code = AppCode::generate();
    let state = checkpoint
        .take_app_code(
            Person::from(&session),
            app_code.clone(),
            &Reproof::none(),
            "test",
        )
        .await?;
    let RegistrationState::Codes { user, .. } = state else {
        bail!("no codes");
    };
    let WebStanding::Admitted(session) = checkpoint.resume(&signed.token, campus).await? else {
        bail!("not let in on campus");
    };
    let mut app = App {
        key: OtpKey::agree(&app_code, &user),
        used: 0,
    };
    let code = app.next(demo);
    checkpoint
        .finish_app(Person::from(&session), code, "phone", "test")
        .await?;
    let password = Password::new(hanako.password.clone());
    let signed = checkpoint
        .sign_in(&hanako.login, password, campus, "test")
        .await?;
    let WebStanding::Admitted(session) = signed.standing else {
        bail!("not let in on campus");
    };
    checkpoint
        .set_mfa(&session, true, &Reproof::none(), "test")
        .await?;
    Ok(app)
}

/// Signs Hanako in at home and proves her app.
pub async fn hanako_proves(demo: &Demo, app: &mut App) -> anyhow::Result<()> {
    let checkpoint = &demo.system.checkpoint;
    let home = Source::assured(demo.home.get(), KeyLength::default());
    let hanako = demo.tour.accounts.first().context("nobody lives here")?;
    let password = Password::new(hanako.password.clone());
    let signed = checkpoint
        .sign_in(&hanako.login, password, home, "test")
        .await?;
    let WebStanding::Owed(owed) = signed.standing else {
        bail!("let in at home");
    };
    let entry = Proof::App(app.next(demo));
    checkpoint.prove(&owed, entry, "test").await?;
    Ok(())
}
