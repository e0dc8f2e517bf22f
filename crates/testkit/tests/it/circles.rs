//! No file of a room imports another in a circle, but for those that ARCHITECTURE.md names with a reason.
//!
//! A file imports another when it names something that stands there, by `crate::`, `super::` or `self::`. What a module
//! merely passes on (`pub use`) is looked for where it stands. A module and those below it are one subject: what it
//! takes from them, and they from it, counts for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::sources::{exceptions, repository, rust_files, tokens, without_tests};

/// How many circles may stay.
const MAY_STAY: usize = 2;

/// A module, by the names that lead to it from the crate's root.
type Name = Vec<String>;

/// A path as it is written: its words, whose last one is `*` where everything is taken.
type Words = Vec<String>;

/// What one module holds.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// The modules that it declares, in files of their own or in braces.
    children: BTreeSet<String>,
    /// What it passes on: the name, and where that comes from.
    passes_on: Vec<(String, Words)>,
    /// Every path that it names otherwise.
    names: Vec<Words>,
}

/// A crate's modules.
#[derive(Default)]
struct Room {
    modules: BTreeMap<Name, Module>,
}

impl Room {
    /// Reads a crate's root and what it declares.
    fn read(root: &Path) -> anyhow::Result<Self> {
        let mut room = Self::default();
        room.read_file(root, Vec::new())?;
        Ok(room)
    }

    fn read_file(&mut self, file: &Path, name: Name) -> anyhow::Result<()> {
        let (_, tokens) = tokens(file)?;
        self.read_module(file, name, without_tests(tokens))
    }

    fn read_module(&mut self, file: &Path, name: Name, tokens: TokenStream) -> anyhow::Result<()> {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        let mut inner = Vec::new();
        collect(tokens, &mut module, &mut inner);
        module.children = inner.iter().map(|(child, _)| child.clone()).collect();
        self.modules.insert(name.clone(), module);
        for (child, body) in inner {
            let child_name: Name = name.iter().cloned().chain([child.clone()]).collect();
            match body {
                Some(body) => self.read_module(file, child_name, body)?,
                None => {
                    if let Some(child_file) = file_of(file, &name, &child) {
                        self.read_file(&child_file, child_name)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The module in which what a path names stands, as seen from a module.
    fn find(&self, from: &Name, words: &[String], depth: usize) -> Option<Name> {
        let (first, mut rest) = words.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from.split_last()?.1.to_vec(),
            child if self.modules.get(from)?.children.contains(child) => {
                from.iter().cloned().chain([child.to_owned()]).collect()
            }
            _ => return None,
        };
        while let Some((word, more)) = rest.split_first() {
            if word == "super" {
                at.pop();
            } else {
                let child: Name = at.iter().cloned().chain([word.clone()]).collect();
                if !self.modules.contains_key(&child) {
                    break;
                }
                at = child;
            }
            rest = more;
        }
        let module = self.modules.get(&at)?;
        let passed_on = rest.first().and_then(|item| {
            let is_it = |name: &str| name == item || (name == "*" && item != "*");
            let candidates = module.passes_on.iter().filter(|(name, _)| is_it(name));
            // Circles of `pub use` would never end.
            let mut found = candidates
                .filter(|_| depth < 8)
                .filter_map(|(name, origin)| {
                    let mut words = origin.clone();
                    if name == "*" {
                        words.pop();
                        words.push(item.clone());
                    }
                    self.find(&at, &words, depth + 1)
                });
            found.next()
        });
        Some(passed_on.unwrap_or(at))
    }

    /// Which file imports which.
    fn imports(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let mut imports: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (name, module) in &self.modules {
            for words in &module.names {
                let found = self.find(name, words, 0);
                let found = found.filter(|to| !to.starts_with(name) && !name.starts_with(to));
                let files = found.map(|to| self.modules[&to].file.as_path());
                let others = files.filter(|file| *file != module.file);
                imports.entry(&module.file).or_default().extend(others);
            }
        }
        imports
    }
}

/// Where the module of that name, declared in this file, has its file.
fn file_of(file: &Path, parent: &Name, child: &str) -> Option<PathBuf> {
    let folder = file.parent()?;
    let stem = file.file_stem()?.to_str()?;
    let is_root = parent.is_empty() || stem == "mod";
    let folder = if is_root {
        folder.to_owned()
    } else {
        folder.join(stem)
    };
    let places = [
        folder.join(format!("{child}.rs")),
        folder.join(child).join("mod.rs"),
    ];
    places
        .into_iter()
        .find(|place| repository().join(place).is_file())
}

/// Takes from the tokens of a module the modules that it declares (with their bodies, if those stand there), what it
/// passes on, and the paths that it names.
fn collect(
    tokens: TokenStream,
    module: &mut Module,
    inner: &mut Vec<(String, Option<TokenStream>)>,
) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, text: &str| {
        tokens
            .get(at)
            .is_some_and(|token| token.to_string() == text)
    };
    let mut at = 0;
    let mut is_public = false;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word)
                if word == "mod" && matches!(tokens.get(at + 1), Some(TokenTree::Ident(_))) =>
            {
                let name = tokens[at + 1].to_string();
                match tokens.get(at + 2) {
                    Some(TokenTree::Group(body)) => inner.push((name, Some(body.stream()))),
                    _ => inner.push((name, None)),
                }
                at += 3;
                is_public = false;
                continue;
            }
            TokenTree::Ident(word) if word == "use" => {
                let end = (at..tokens.len())
                    .find(|at| is(*at, ";"))
                    .unwrap_or(tokens.len());
                let mut leaves = Vec::new();
                leaves_of(&tokens[at + 1..end], &mut Vec::new(), &mut leaves);
                for (name, words) in leaves {
                    if is_public {
                        module.passes_on.push((name, words));
                    } else {
                        module.names.push(words);
                    }
                }
                at = end;
            }
            TokenTree::Ident(word) if word == "pub" => {
                is_public = true;
                // `pub(crate)` and its like.
                at += if matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
                    2
                } else {
                    1
                };
                continue;
            }
            TokenTree::Ident(word) if is(at + 1, ":") && is(at + 2, ":") => {
                let goes_on = at >= 2 && is(at - 1, ":") && is(at - 2, ":");
                if !goes_on {
                    let mut words = vec![word.to_string()];
                    let mut next = at + 1;
                    while is(next, ":") && is(next + 1, ":") {
                        let Some(TokenTree::Ident(word)) = tokens.get(next + 2) else {
                            break;
                        };
                        words.push(word.to_string());
                        next += 3;
                    }
                    module.names.push(words);
                }
            }
            TokenTree::Group(group) => collect(group.stream(), module, inner),
            _ => {}
        }
        is_public = false;
        at += 1;
    }
}

/// The single paths of what stands behind `use`, each with the name that it goes by.
fn leaves_of(tokens: &[TokenTree], before: &mut Words, leaves: &mut Vec<(String, Words)>) {
    let start = before.len();
    let mut renamed = None;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "as" => {
                renamed = tokens.get(at + 1).map(ToString::to_string);
                at += 1;
            }
            TokenTree::Ident(word) => before.push(word.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '*' => before.push("*".to_owned()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma =
                    |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                for leaf in inside.split(is_comma).filter(|leaf| !leaf.is_empty()) {
                    leaves_of(leaf, before, leaves);
                }
                before.truncate(start);
                return;
            }
            _ => {}
        }
        at += 1;
    }
    // `use a::b::{self}` names the module.
    if before.last().is_some_and(|word| word == "self") && before.len() > 1 {
        before.pop();
    }
    let name = renamed
        .or_else(|| before.last().cloned())
        .unwrap_or_default();
    leaves.push((name, before.clone()));
    before.truncate(start);
}

/// The groups of files each of which can be reached from each other one.
fn circles(imports: &BTreeMap<&Path, BTreeSet<&Path>>) -> Vec<Vec<PathBuf>> {
    let reachable = |from: &Path| {
        let mut found = BTreeSet::new();
        let mut todo = vec![from.to_owned()];
        while let Some(file) = todo.pop() {
            for to in imports.get(file.as_path()).into_iter().flatten() {
                if found.insert(to.to_path_buf()) {
                    todo.push(to.to_path_buf());
                }
            }
        }
        found
    };
    let all: BTreeMap<&Path, BTreeSet<PathBuf>> = imports
        .keys()
        .map(|file| (*file, reachable(file)))
        .collect();
    let mut circles = BTreeSet::new();
    for (file, reached) in &all {
        if reached.contains(*file) {
            let leads_back = |other: &&PathBuf| {
                all.get(other.as_path())
                    .is_some_and(|back| back.contains(*file))
            };
            let circle: BTreeSet<PathBuf> = reached.iter().filter(leads_back).cloned().collect();
            circles.insert(circle);
        }
    }
    circles
        .into_iter()
        .map(|circle| circle.into_iter().collect())
        .collect()
}

fn roots() -> anyhow::Result<Vec<PathBuf>> {
    let files = rust_files(&["crates"])?;
    let is_root = |file: &PathBuf| file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
    Ok(files.into_iter().filter(is_root).collect())
}

#[test]
fn no_file_of_a_room_imports_another_in_a_circle() -> anyhow::Result<()> {
    let allowed: BTreeSet<Vec<PathBuf>> = exceptions("Circles that stay")?.into_iter().collect();
    assert!(allowed.len() <= MAY_STAY, "at most {MAY_STAY} circles stay");
    let mut found = BTreeSet::new();
    let mut read = 0;
    for root in roots()? {
        let room = Room::read(&root)?;
        read += room.modules.len();
        for circle in circles(&room.imports()) {
            if !allowed.contains(&circle) {
                let imports = room.imports();
                let edges = circle.iter().flat_map(|from| {
                    let to = imports.get(from.as_path()).into_iter().flatten();
                    let inside = to.filter(|to| circle.iter().any(|file| file == *to));
                    inside.map(move |to| format!("  {} imports {}", from.display(), to.display()))
                });
                found.insert(edges.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    assert!(read > 200, "the modules were read");
    let found: Vec<String> = found.into_iter().collect();
    assert!(
        found.is_empty(),
        "{} circles; move what both need below both:\n{}",
        found.len(),
        found.join("\n\n")
    );
    Ok(())
}
