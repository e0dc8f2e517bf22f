//! Fifty sessions that append, flag, copy, move, expunge and search in the same three folders, each believing only what
//! it was told.
//!
//! Every session keeps its view by the untagged responses, as RFC 3501, section 7.4.1, wants, and holds each answer
//! against it. What was acknowledged goes into one [`Model`], and in the end the store has to be the model, message by
//! message: none lost, none twice, and of each flag the last word. A keyword belongs to one session, so its last word
//! is known.
//!
//! 200 operations a session, or a minute's worth with `SEKISHO_LONG=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{Outcome, Program};

const SESSIONS: usize = 50;
const FOLDERS: [&str; 3] = ["Stress/A", "Stress/B", "Stress/C"];
/// What the sessions' choices begin with.
const SEED: u64 = 0x5e_c1_50;

/// A message in a folder: which folder, and its UID.
type Place = (usize, u32);

/// What has to be in the store, by what was acknowledged.
#[derive(Default)]
struct Model {
    /// The subject of every message that ever was in a place.
    subjects: BTreeMap<Place, String>,
    /// The places whose messages are gone.
    gone: BTreeSet<Place>,
    /// Those of them that were moved: each by one session alone.
    moved: BTreeSet<Place>,
    /// Copies: what was flagged before they were made, nobody knows for certain.
    copies: BTreeSet<Place>,
    /// The last word on a session's keyword.
    keywords: BTreeMap<(Place, usize), bool>,
    /// What was read, to be held against the subjects.
    read: Vec<(Place, String)>,
}

#[test]
fn fifty_sessions_lose_nothing_and_agree_in_the_end() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path())?;
    let mut first = Session::start(&program, 0)?;
    for folder in FOLDERS {
        first.command(&format!("CREATE {folder}"))?;
    }
    let model = Arc::new(Mutex::new(Model::default()));
    let until = std::env::var_os("SEKISHO_LONG")
        .is_some()
        .then(|| Instant::now() + Duration::from_secs(60));
    let sessions: Vec<_> = (0..SESSIONS)
        .map(|number| {
            let mut session = Session::start(&program, number)?;
            session.select(number % FOLDERS.len())?;
            let model = Arc::clone(&model);
            Ok(std::thread::spawn(move || -> Outcome<usize> {
                let mut done = 0;
                while until.map_or(done < 200, |until| Instant::now() < until) {
                    session
                        .act(&model)
                        .map_err(|error| format!("session {number}, operation {done}: {error}"))?;
                    done += 1;
                }
                Ok(done)
            }))
        })
        .collect::<Outcome<_>>()?;
    let mut operations = 0;
    for session in sessions {
        operations += session.join().map_err(|_| "a session panicked")??;
    }
    let model = model.lock().map_err(|_| "poisoned")?;
    compare(&mut first, &model)?;
    assert!(operations >= SESSIONS * 200);
    assert!(
        model.subjects.len() > SESSIONS && !model.gone.is_empty() && !model.keywords.is_empty()
    );
    Ok(())
}

/// Holds the store against the model.
fn compare(session: &mut Session, model: &Model) -> Outcome<()> {
    for (place, subject) in &model.read {
        assert_eq!(
            model.subjects.get(place),
            Some(subject),
            "read at {place:?}"
        );
    }
    for (folder, name) in FOLDERS.iter().enumerate() {
        session.select(folder)?;
        let wanted: BTreeMap<u32, &String> = model
            .subjects
            .iter()
            .filter(|(place, _)| place.0 == folder && !model.gone.contains(place))
            .map(|(place, subject)| (place.1, subject))
            .collect();
        let mut found = BTreeMap::new();
        let items = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
        for told in session.command(&format!("UID FETCH 1:* {items}"))? {
            let (uid, subject) = (told.uid()?, told.subject()?);
            let place = (folder, uid);
            for number in 0..SESSIONS {
                let set = told.text.contains(&format!("$K{number} "))
                    || told.text.contains(&format!("$K{number})"));
                let known = model.keywords.get(&(place, number)).copied();
                let known = known.or_else(|| (!model.copies.contains(&place)).then_some(false));
                if let Some(known) = known {
                    assert_eq!(set, known, "keyword of session {number} at {name} {uid}");
                }
            }
            found.insert(uid, subject);
        }
        let found: BTreeMap<u32, &String> = found.iter().map(|(uid, s)| (*uid, s)).collect();
        assert_eq!(found, wanted, "the messages of {name}");
        let uids: Vec<u32> = found.keys().copied().collect();
        assert_eq!(session.view, uids, "the view of {name}");
    }
    Ok(())
}

/// An untagged response, its literals in it.
struct Told {
    text: String,
}

impl Told {
    /// `* 12 EXPUNGE`: 12, if it is one of that kind.
    fn number(&self, kind: &str) -> Option<usize> {
        let mut words = self.text.strip_prefix("* ")?.split_whitespace();
        let number = words.next()?.parse().ok()?;
        (words.next()? == kind).then_some(number)
    }

    fn uid(&self) -> Outcome<u32> {
        let (_, rest) = self.text.split_once("UID ").ok_or("no UID")?;
        Ok(rest.split([' ', ')']).next().unwrap_or_default().parse()?)
    }

    fn subject(&self) -> Outcome<String> {
        let (_, rest) = self.text.split_once("Subject: ").ok_or("no subject")?;
        Ok(rest.lines().next().unwrap_or_default().to_owned())
    }
}

/// One client.
struct Session {
    stream: BufReader<TcpStream>,
    number: usize,
    random: u64,
    tag: u32,
    appended: u32,
    folder: usize,
    /// The UIDs of the open folder by sequence number; 0 where the UID was not told yet.
    view: Vec<u32>,
    /// The words of the last tagged OK.
    last: String,
}

impl Session {
    fn start(program: &Program, number: usize) -> Outcome<Self> {
        let stream = TcpStream::connect(&program.imap)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut session = Self {
            stream: BufReader::new(stream),
            number,
            random: SEED + number as u64,
            tag: 0,
            appended: 0,
            folder: 0,
            view: Vec::new(),
            last: String::new(),
        };
        session.response()?;
        session.command(&format!("LOGIN {} {}", program.login, program.password))?;
        Ok(session)
    }

    /// A number below `most`.
    fn choose(&mut self, most: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % most
    }

    fn select(&mut self, folder: usize) -> Outcome<()> {
        self.view.clear();
        self.folder = folder;
        self.command(&format!("SELECT {}", FOLDERS[folder]))?;
        self.learn()
    }

    /// Asks for the UIDs that were not told yet.
    fn learn(&mut self) -> Outcome<()> {
        while let Some(at) = self.view.iter().position(|uid| *uid == 0) {
            self.command(&format!("FETCH {}:* (UID)", at + 1))?;
        }
        Ok(())
    }

    fn act(&mut self, model: &Mutex<Model>) -> Outcome<()> {
        let kind = self.choose(20);
        if self.view.is_empty() || kind < 5 {
            self.append(model)?;
        } else {
            let at = self.choose(self.view.len());
            match kind {
                5..=9 => self.flag(at, model)?,
                10..=12 => self.read(at, model)?,
                13 => self.copy(at, model, false)?,
                14 => self.copy(at, model, true)?,
                15 | 16 => self.remove(at, model)?,
                17 => self.search()?,
                18 => drop(self.command("NOOP")?),
                _ => {
                    let folder = self.choose(FOLDERS.len());
                    self.select(folder)?;
                }
            }
        }
        self.learn()
    }

    fn append(&mut self, model: &Mutex<Model>) -> Outcome<()> {
        let folder = self.choose(FOLDERS.len());
        self.appended += 1;
        let subject = format!("m{}-{}", self.number, self.appended);
        let message = format!(
            "Subject: {subject}\r\n\r\n{}\r\n",
            "x".repeat(self.choose(3_000))
        );
        let size = message.len();
        let line = format!("APPEND {} {{{size}+}}\r\n{message}", FOLDERS[folder]);
        self.command(&line)?;
        let uid = self.code("APPENDUID", 1)?.parse()?;
        let mut model = model.lock().map_err(|_| "poisoned")?;
        let before = model.subjects.insert((folder, uid), subject);
        assert_eq!(before, None, "UID {uid} was given twice");
        Ok(())
    }

    fn flag(&mut self, at: usize, model: &Mutex<Model>) -> Outcome<()> {
        let (set, place) = (self.choose(3) > 0, (self.folder, self.view[at]));
        let sign = if set { '+' } else { '-' };
        let keyword = format!("$K{}", self.number);
        self.command(&format!("STORE {} {sign}FLAGS ({keyword})", at + 1))?;
        let mut model = model.lock().map_err(|_| "poisoned")?;
        model.keywords.insert((place, self.number), set);
        Ok(())
    }

    fn read(&mut self, at: usize, model: &Mutex<Model>) -> Outcome<()> {
        let place = (self.folder, self.view[at]);
        let items = "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
        for told in self.command(&format!("FETCH {} {items}", at + 1))? {
            if told.number("FETCH") == Some(at + 1) && told.text.contains("BODY[") {
                assert_eq!(told.uid()?, place.1, "another message answers");
                let mut model = model.lock().map_err(|_| "poisoned")?;
                model.read.push((place, told.subject()?));
            }
        }
        Ok(())
    }

    fn copy(&mut self, at: usize, model: &Mutex<Model>, moves: bool) -> Outcome<()> {
        let from = (self.folder, self.view[at]);
        // Moving within a folder is refused.
        let folder = (self.folder + 1 + self.choose(FOLDERS.len() - 1)) % FOLDERS.len();
        let verb = if moves { "MOVE" } else { "COPY" };
        let told = self.command(&format!("UID {verb} {} {}", from.1, FOLDERS[folder]))?;
        let told = told.iter().map(|told| told.text.as_str());
        let code = told
            .chain([self.last.as_str()])
            .find_map(|text| text.split_once("[COPYUID "));
        let Some((_, rest)) = code else {
            // Somebody else was faster.
            return Ok(());
        };
        let words: Vec<&str> = rest.split([' ', ']']).collect();
        assert_eq!(words[1], from.1.to_string());
        let to = (folder, words[2].parse()?);
        let mut model = model.lock().map_err(|_| "poisoned")?;
        let subject = model
            .subjects
            .get(&from)
            .cloned()
            .ok_or("a copy of nothing")?;
        let before = model.subjects.insert(to, subject);
        assert_eq!(before, None, "{to:?} was given twice");
        model.copies.insert(to);
        if moves {
            model.gone.insert(from);
            assert!(model.moved.insert(from), "{from:?} was moved twice");
        }
        Ok(())
    }

    fn remove(&mut self, at: usize, model: &Mutex<Model>) -> Outcome<()> {
        let place = (self.folder, self.view[at]);
        self.command(&format!("UID STORE {} +FLAGS.SILENT (\\Deleted)", place.1))?;
        let told = self.command(&format!("UID EXPUNGE {}", place.1))?;
        drop(told);
        assert!(
            !self.view.contains(&place.1),
            "it was expunged and is still shown"
        );
        let mut model = model.lock().map_err(|_| "poisoned")?;
        model.gone.insert(place);
        Ok(())
    }

    fn search(&mut self) -> Outcome<()> {
        let keyword = format!("$K{}", self.number);
        for told in self.command(&format!("SEARCH KEYWORD {keyword}"))? {
            if let Some(numbers) = told.text.strip_prefix("* SEARCH") {
                for number in numbers.split_whitespace() {
                    let number: usize = number.parse()?;
                    assert!((1..=self.view.len()).contains(&number), "{}", told.text);
                }
            }
        }
        Ok(())
    }

    /// A word of a response code of the last OK.
    fn code(&self, name: &str, word: usize) -> Outcome<String> {
        let (_, rest) = self
            .last
            .split_once(name)
            .ok_or_else(|| format!("no {name} in {}", self.last))?;
        let word = rest.trim_start().split([' ', ']']).nth(word);
        Ok(word.ok_or("a code")?.to_owned())
    }

    /// Carries out a command and keeps the view by what is told meanwhile.
    fn command(&mut self, line: &str) -> Outcome<Vec<Told>> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        let stream = self.stream.get_mut();
        stream.write_all(format!("{tag} {line}\r\n").as_bytes())?;
        // RFC 3501, section 7.4.1: in these, sequence numbers have to stay what they are.
        let numbers_stay = ["FETCH", "STORE", "SEARCH"]
            .iter()
            .any(|verb| line.starts_with(verb));
        let mut told = Vec::new();
        loop {
            let text = self.response()?;
            if let Some(rest) = text.strip_prefix(&format!("{tag} ")) {
                self.last = rest.trim_end().to_owned();
                return if rest.starts_with("OK") {
                    Ok(told)
                } else {
                    Err(format!("{line:.60}: {text}").into())
                };
            }
            let one = Told { text };
            if let Some(gone) = one.number("EXPUNGE") {
                assert!(!numbers_stay, "EXPUNGE in {line}");
                self.view.remove(gone - 1);
            } else if let Some(messages) = one.number("EXISTS") {
                assert!(messages >= self.view.len(), "EXISTS takes messages away");
                self.view.resize(messages, 0);
            } else if let Some(at) = one.number("FETCH")
                && one.text.contains("UID ")
            {
                let uid = one.uid()?;
                let known = &mut self.view[at - 1];
                assert!(
                    *known == 0 || *known == uid,
                    "{at} is {known}, and told as {uid}"
                );
                *known = uid;
            }
            told.push(one);
        }
    }

    fn response(&mut self) -> Outcome<String> {
        let mut bytes = Vec::new();
        loop {
            if self.stream.read_until(b'\n', &mut bytes)? == 0 {
                return Err("the connection was closed".into());
            }
            let text = String::from_utf8_lossy(&bytes);
            let Some((_, length)) = text
                .trim_end()
                .rsplit_once('{')
                .filter(|_| text.ends_with("}\r\n"))
            else {
                return Ok(text.into_owned());
            };
            let length: usize = length.trim_end_matches('}').parse()?;
            let at = bytes.len();
            bytes.resize(at + length, 0);
            self.stream.read_exact(&mut bytes[at..])?;
        }
    }
}
