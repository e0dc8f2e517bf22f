//! The world of a run: two nodes of a checkpoint over one memory, one person's account, a clock in hand, and a courier
//! that does not always come.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{
    Clock as _, Courier, CourierError, Directory, DirectoryError, Fate, Letter, PasswordChange,
    SetPasswordError,
};
use sekisho_checkpoint::sealing::{KeyId, KeyRing, SealingKey};
use sekisho_checkpoint::{Checkpoint, OneTimeCode, Parts, Proof, Site};
use sekisho_fakes::HandClock;
use sekisho_otp::{OtpKey, Step};
use sekisho_source::{KeyLength, Source};

use crate::memory::{Kept, MemoryRecords, a_turn_of_others};
use crate::run::{Act, finish};

/// Random numbers from a seed: splitmix64.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A number below `sides`.
    pub fn below(&self, sides: usize) -> usize {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub fn one_in(&self, sides: usize) -> bool {
        self.below(sides) == 0
    }
}

/// The directory: one account, whose password can be changed.
pub struct OneAccount {
    password: Mutex<String>,
    /// How often a password was looked at.
    pub looked: AtomicU64,
    /// Whether it gives no answer just now about passwords.
    pub hangs: AtomicBool,
}

pub fn ai() -> Account {
    Account {
        id: AccountId::new(1),
        login: "ai".to_owned(),
        display_name: String::new(),
        addresses: vec![MailAddress::parse("ai@kit.example").expect("an address")],
        groups: Vec::new(),
        usable: true,
    }
}

impl OneAccount {
    pub fn password(&self) -> Password {
        Password::new(
            self.password
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

#[async_trait]
impl Directory for OneAccount {
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        Ok((name.as_str() == "ai").then(ai))
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok(Some(ai()).filter(|account| account.id == id))
    }

    async fn recipients(&self, _: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        Ok(Vec::new())
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        self.looked.fetch_add(1, Ordering::Relaxed);
        a_turn_of_others().await;
        while self.hangs.load(Ordering::Relaxed) {
            a_turn_of_others().await;
        }
        let is_right = account == Some(ai().id) && self.password().expose() == password.expose();
        a_turn_of_others().await;
        Ok(is_right)
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::Here
    }

    async fn check_new_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Ok(())
    }

    async fn set_password(&self, _: AccountId, new: &Password) -> Result<(), SetPasswordError> {
        a_turn_of_others().await;
        new.expose()
            .clone_into(&mut self.password.lock().unwrap_or_else(PoisonError::into_inner));
        a_turn_of_others().await;
        Ok(())
    }
}

/// How the courier feels.
#[derive(Debug, Clone, Copy)]
pub enum Courage {
    /// Now and then it takes no letter.
    Moody,
    /// It takes every letter.
    Good,
    /// It takes none just now.
    Away,
    /// It has nobody to hand letters to.
    WithoutRelay,
    /// It takes its time, and never comes back.
    Lost,
}

/// The courier.
pub struct Letters {
    dice: Dice,
    courage: Mutex<Courage>,
    sent: Mutex<Vec<Letter>>,
}

impl Letters {
    pub fn is(&self, courage: Courage) {
        *self.courage.lock().unwrap_or_else(PoisonError::into_inner) = courage;
    }

    pub fn sent(&self) -> Vec<Letter> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Courier for Letters {
    async fn send(&self, letter: Letter) -> Result<(), CourierError> {
        a_turn_of_others().await;
        let courage = *self.courage.lock().unwrap_or_else(PoisonError::into_inner);
        match courage {
            Courage::WithoutRelay => return Err(CourierError::NoRelay),
            Courage::Lost => return std::future::pending().await,
            Courage::Away => return Err(CourierError::Temporarily("not now".to_owned())),
            Courage::Moody if self.dice.one_in(4) => {
                return Err(CourierError::Temporarily("not now".to_owned()));
            }
            Courage::Moody | Courage::Good => {}
        }
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(letter);
        a_turn_of_others().await;
        Ok(())
    }

    async fn fate(&self, _: LetterId) -> Result<Option<Fate>, CourierError> {
        Ok(None)
    }
}

/// Everything of a run.
pub struct World {
    pub seed: u64,
    pub dice: Dice,
    pub clock: Arc<HandClock>,
    pub records: Arc<MemoryRecords>,
    pub directory: Arc<OneAccount>,
    pub letters: Arc<Letters>,
    pub nodes: [Arc<Checkpoint>; 2],
    /// The keys of the apps that were registered, the newest last.
    pub apps: Mutex<Vec<OtpKey>>,
    /// The recovery codes on the person's paper.
    pub paper: Vec<OneTimeCode>,
    /// How many letters had been written or claimed before.
    pub sendings_before: usize,
    /// How many acts were dropped in the middle.
    pub deaths: AtomicU64,
}

/// With what a life begins.
#[derive(Default)]
pub struct Start {
    pub kept: Kept,
    pub apps: Vec<OtpKey>,
    pub paper: Vec<OneTimeCode>,
}

/// A code to type, and of what it is: each counts once.
pub struct Typed {
    pub proof: Proof,
    pub of: String,
}

impl World {
    /// A world that begins with what the records hold, at the time that they know, and with the keys of its apps.
    pub fn new(seed: u64, kept: Kept, apps: Vec<OtpKey>) -> Self {
        let begins = kept.mark.unwrap_or(Timestamp::constant(1_800_000_000, 0));
        let clock = HandClock::at(begins);
        let sendings_before = kept.sendings;
        let records = Arc::new(MemoryRecords::holding(kept));
        let directory = Arc::new(OneAccount {
            password: Mutex::new("first".to_owned()),
            looked: AtomicU64::new(0),
            hangs: AtomicBool::new(false),
        });
        let letters = Arc::new(Letters {
            dice: Dice::new(!seed),
            courage: Mutex::new(Courage::Moody),
            sent: Mutex::default(),
        });
        let nodes = [0; 2].map(|_| node(&records, &directory, &letters, &clock, ring(&[1])));
        Self {
            seed,
            dice: Dice::new(seed),
            clock,
            records,
            directory,
            letters,
            nodes,
            apps: Mutex::new(apps),
            paper: Vec::new(),
            sendings_before,
            deaths: AtomicU64::new(0),
        }
    }

    /// A node that begins with other keys.
    pub fn node_with(&self, keys: &[u32]) -> Arc<Checkpoint> {
        node(
            &self.records,
            &self.directory,
            &self.letters,
            &self.clock,
            ring(keys),
        )
    }

    /// What goes on at both nodes without anybody asking.
    pub fn keepers<'a>(&self) -> Vec<Act<'a>> {
        self.nodes.iter().flat_map(keep).collect()
    }

    pub fn node(&self) -> &Checkpoint {
        &self.nodes[self.dice.below(2)]
    }

    /// What the app shows that was registered last; now and then the code that comes next.
    pub fn code(&self) -> Option<Typed> {
        let apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let step = Step(Step::at(self.clock.now().as_second()).0 + self.dice.below(2) as u64);
        apps.last().map(|key| Typed {
            proof: Proof::App(key.code(step)),
            of: of_an_app(apps.len() - 1, step),
        })
    }

    /// A code of the paper.
    pub fn recovery_code(&self) -> Option<Typed> {
        let index = self.dice.below(self.paper.len().max(1));
        self.paper.get(index).map(|code| Typed {
            proof: Proof::Recovery(code.clone()),
            of: format!("line {index} of the paper"),
        })
    }

    /// The code in a letter, once it came.
    pub fn mailed_code(&self, letter: LetterId) -> Option<Typed> {
        let sent = self.letters.sent();
        let code = sent.iter().find_map(|sent| match sent {
            Letter::Otp(otp) if otp.id == letter => Some(otp.code.clone()),
            _ => None,
        });
        code.map(|code| Typed {
            proof: Proof::Mail(code),
            of: format!("letter {letter}"),
        })
    }
}

/// The name of a step of an app.
pub fn of_an_app(index: usize, step: Step) -> String {
    format!("step {} of app {index}", step.0)
}

fn node(
    records: &Arc<MemoryRecords>,
    directory: &Arc<OneAccount>,
    letters: &Arc<Letters>,
    clock: &Arc<HandClock>,
    keys: KeyRing,
) -> Arc<Checkpoint> {
    let parts = Parts {
        records: Arc::clone(records) as _,
        directory: Arc::clone(directory) as _,
        courier: Arc::clone(letters) as _,
        clock: Arc::clone(clock) as _,
        keys,
        site: Site::default(),
    };
    finish(Checkpoint::start(parts)).expect("a checkpoint")
}

fn ring(keys: &[u32]) -> KeyRing {
    let key = |&number: &u32| (KeyId(number), SealingKey::new([6 + number as u8; 32]));
    KeyRing::new(keys.iter().map(key).collect()).expect("a key")
}

/// What goes on at a node without anybody asking.
pub fn keep<'a>(node: &Arc<Checkpoint>) -> [Act<'a>; 2] {
    let (time, letters) = (Arc::clone(node), Arc::clone(node));
    [Box::pin(time.keep()), Box::pin(letters.send_letters())]
}

/// The places from which the person comes. The last is the other address of the line of the first.
pub fn place(index: usize) -> Source {
    let address: IpAddr = ["198.51.100.1", "198.51.100.2", "2001:db8:1::1"][index]
        .parse()
        .expect("an address");
    Source::assured(address, KeyLength::default())
}
