//! What the demo tells: for people in the order of a tour, for scripts as JSON.

use serde::Serialize;

/// Where everything is.
#[derive(Debug, Clone, Serialize)]
pub struct Tour {
    /// The OTP app.
    pub app: String,
    /// The doors that play the campus.
    pub campus: DoorAddresses,
    /// The doors that play the home.
    pub home: DoorAddresses,
    /// Where mail comes in, `HOST:PORT`.
    pub lmtp: String,
    /// The page with what left the site.
    pub outbox: String,
    /// The people.
    pub accounts: Vec<Person>,
}

/// The doors of one place.
#[derive(Debug, Clone, Serialize)]
pub struct DoorAddresses {
    /// The webmail.
    pub web: String,
    /// IMAP with STARTTLS, `HOST:PORT`.
    pub imap: String,
    /// IMAP with TLS from the start, `HOST:PORT`.
    pub imaps: String,
    /// Submission with STARTTLS, `HOST:PORT`.
    pub submission: String,
    /// POP3 with STLS, `HOST:PORT`.
    pub pop3: String,
}

/// Somebody to sign in as.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The login name.
    pub login: String,
    /// The password.
    pub password: String,
    /// The address.
    pub address: String,
}

impl Tour {
    /// One line for scripts.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The tour, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            app,
            campus,
            home,
            outbox,
            lmtp,
            accounts,
        } = self;
        let mut people = String::new();
        for person in accounts {
            people.push_str(&format!(
                "    {:<8} password  {:<22} {}\n",
                person.login, person.password, person.address
            ));
        }
        let login = accounts.first().map_or("", |p| p.login.as_str());
        let password = accounts.first().map_or("", |p| p.password.as_str());
        let check = format!(
            "python3 -c \"import imaplib; m = imaplib.IMAP4('127.0.0.1', {}); print(m.login('{login}', '{password}'))\"",
            port(&home.imap)
        );
        format!(
            "
Sekisho demo: the mail of kit.example, until Ctrl-C.

{people}
  A tour of five minutes (日本語は各ページの下で選べます)

  1  Campus    {}   sign in: on campus no code is asked for
  2  OTP app   {}   Add: it shows an app code
  3  Campus    Preferences > Customize my Preferences > Multi-Factor Auth
               Generate user code; type it into the app, and the app code into the page;
               then the 6 digits. Use Multi-Factor Authentication: Yes
  4  Home      {check}
               refused, with a sentence that says what to do
  5  Home      {}   sign in: now a code is asked for
  6  Home      the command of step 4 again: admitted, for 14 hours, from this place
               swaks --server {} --auth-user {login} --auth-password {password} \\
                 --from {login}@kit.example --to ken@kit.example
  7  Home      {}/mfa   what is let in from where, until when, and what was refused

  More: codes can come by mail to a private address; read them at {outbox}
        IMAP with TLS: campus {}, home {}   POP3: campus {}, home {}   LMTP: {lmtp}
",
            campus.web,
            app,
            home.web,
            home.submission,
            home.web,
            campus.imaps,
            home.imaps,
            campus.pop3,
            home.pop3
        )
    }
}

fn port(door: &str) -> &str {
    door.rsplit_once(':').map_or(door, |(_, port)| port)
}
