//! THREAD (RFC 5256).
//!
//! The trees are kept in an arena, and no function here is recursive, because strangers decide how deep a thread is.

use std::collections::HashMap;

use jiff::Timestamp;
use sekisho_imap::command::{Thread, ThreadAlgorithm};
use sekisho_store::{ThreadKeys, UidSet};

use super::reply::{Done, ResponseWriter};
use super::search::{names_modseq, numbers};
use super::session::{Answer, Session};

/// How many messages' keys are read at once.
const WORDS: usize = 500;

impl Session {
    /// `THREAD` and `UID THREAD`
    pub(super) async fn thread(&mut self, thread: &Thread, out: &mut ResponseWriter<'_>) -> Answer {
        self.condstore |= names_modseq(&thread.key);
        let found = self.find(&thread.key).await?;
        let mailbox = self.mailbox.clone();
        let view = self.selected()?;
        let mut messages = Vec::with_capacity(found.len());
        for some in found.chunks(WORDS) {
            let uids: UidSet = some.iter().map(|&at| view.messages()[at].uid).collect();
            for keys in mailbox.thread_keys(view.folder, uids).await? {
                if let Some(at) = view.position(keys.uid) {
                    messages.push((at, keys));
                }
            }
        }
        let places: Vec<usize> = messages.iter().map(|(at, _)| *at).collect();
        let told = numbers(view, &places, thread.uid);
        let keys: Vec<ThreadKeys> = messages.into_iter().map(|(_, keys)| keys).collect();
        let algorithm = thread.algorithm;
        let text = tokio::task::spawn_blocking(move || {
            let forest = match algorithm {
                ThreadAlgorithm::OrderedSubject => ordered_subject(&keys),
                ThreadAlgorithm::References => references(&keys),
            };
            forest.text(&told)
        });
        let text = text.await.unwrap_or_default();
        out.words(format_args!("* THREAD{text}"));
        out.end_line();
        Ok(Done::plain("threaded"))
    }
}

/// Trees of messages.
#[derive(Default)]
struct Forest {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

/// A message, by its position among those that were found; or the place of a message that is only referred to.
#[derive(Default)]
struct Node {
    message: Option<usize>,
    parent: Option<usize>,
    children: Vec<usize>,
}

impl Forest {
    fn add(&mut self, message: Option<usize>) -> usize {
        self.nodes.push(Node {
            message,
            ..Node::default()
        });
        self.nodes.len() - 1
    }

    /// Puts a node below another, unless the other one is below it already. A parent's list keeps children that have
    /// moved elsewhere until [`Forest::settle`].
    fn link(&mut self, parent: usize, child: usize) {
        if self.nodes[child].parent == Some(parent) || self.is_within(parent, child) {
            return;
        }
        self.nodes[child].parent = Some(parent);
        self.nodes[parent].children.push(child);
    }

    /// Whether a node is another one, or lies below it. The way up from the one and the nodes below the other are
    /// walked in turn, until either is at its end. So joining two threads costs as much as the smaller one, however
    /// deep or wide strangers make them.
    fn is_within(&self, at: usize, top: usize) -> bool {
        let mut above = at;
        let mut below = vec![(top, 0)];
        loop {
            if above == top {
                return true;
            }
            match self.nodes[above].parent {
                Some(parent) => above = parent,
                None => return false,
            }
            let Some((node, next)) = below.last_mut() else {
                return false;
            };
            match self.nodes[*node].children.get(*next) {
                None => {
                    below.pop();
                }
                Some(&child) => {
                    *next += 1;
                    if self.nodes[child].parent == Some(*node) {
                        if child == at {
                            return true;
                        }
                        below.push((child, 0));
                    }
                }
            }
        }
    }

    /// Writes the lists of children and the roots, from what each node says of its parent.
    fn settle(&mut self) {
        for node in &mut self.nodes {
            node.children.clear();
        }
        for at in 0..self.nodes.len() {
            match self.nodes[at].parent {
                Some(parent) => self.nodes[parent].children.push(at),
                None => self.roots.push(at),
            }
        }
    }

    /// The threads as the response has them: `(2)(3 6 (4 23)(44 7 96))`, with a space before the first.
    fn text(&self, numbers: &[u32]) -> String {
        use std::fmt::Write as _;
        enum Step {
            /// A thread of its own, in parentheses.
            Open(usize),
            Close,
        }
        let mut text = String::new();
        let mut steps: Vec<Step> = self.roots.iter().rev().map(|at| Step::Open(*at)).collect();
        if !steps.is_empty() {
            text.push(' ');
        }
        while let Some(step) = steps.pop() {
            let Step::Open(mut at) = step else {
                text.push(')');
                continue;
            };
            text.push('(');
            let mut space = "";
            loop {
                let node = &self.nodes[at];
                if let Some(message) = node.message {
                    // Writing to a string can't fail.
                    let _ = write!(text, "{space}{}", numbers[message]);
                    space = " ";
                }
                match node.children.as_slice() {
                    [] => {
                        text.push(')');
                        break;
                    }
                    [only] => at = *only,
                    several => {
                        text.push_str(space);
                        steps.push(Step::Close);
                        steps.extend(several.iter().rev().map(|at| Step::Open(*at)));
                        break;
                    }
                }
            }
        }
        text
    }

    /// Sorts the threads, and within each the nodes with the same parent, by the date they were sent. A place without a
    /// message counts as the first one below it.
    fn sort(&mut self, keys: &[ThreadKeys]) {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut ahead = self.roots.clone();
        while let Some(at) = ahead.pop() {
            order.push(at);
            ahead.extend(&self.nodes[at].children);
        }
        // From the leaves up, so that children are in order before their parent is looked at.
        let mut sent: Vec<(Timestamp, usize)> =
            vec![(Timestamp::MAX, usize::MAX); self.nodes.len()];
        for at in order.into_iter().rev() {
            let mut children = std::mem::take(&mut self.nodes[at].children);
            children.sort_by_key(|child| sent[*child]);
            sent[at] = match (self.nodes[at].message, children.first()) {
                (Some(message), _) => (keys[message].sent, message),
                (None, Some(first)) => sent[*first],
                (None, None) => sent[at],
            };
            self.nodes[at].children = children;
        }
        self.roots.sort_by_key(|root| sent[*root]);
    }
}

/// Threads of messages with the same base subject; the first is the parent of all others (RFC 5256, section 3).
fn ordered_subject(keys: &[ThreadKeys]) -> Forest {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| {
        let by = |at: usize| (keys[at].base_subject.as_str(), keys[at].sent, at);
        by(a).cmp(&by(b))
    });
    let mut forest = Forest::default();
    for same in order.chunk_by(|&a, &b| keys[a].base_subject == keys[b].base_subject) {
        let first = forest.add(Some(same[0]));
        forest.roots.push(first);
        for &message in &same[1..] {
            let child = forest.add(Some(message));
            forest.nodes[child].parent = Some(first);
            forest.nodes[first].children.push(child);
        }
    }
    forest.sort(keys);
    forest
}

/// Threads by references (RFC 5256, section 3, in its steps).
fn references(keys: &[ThreadKeys]) -> Forest {
    let mut forest = by_references(keys);
    prune(&mut forest);
    forest.sort(keys);
    join_by_subject(&mut forest, keys);
    forest.sort(keys);
    forest
}

/// Step 1: a place for every identifier, each below the one named before it. Step 2: nodes without a parent are roots.
fn by_references(keys: &[ThreadKeys]) -> Forest {
    let mut forest = Forest::default();
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(keys.len());
    for (message, key) in keys.iter().enumerate() {
        let known = key.id.as_deref().and_then(|id| places.get(id).copied());
        let own = match (key.id.as_deref(), known) {
            (_, Some(place)) if forest.nodes[place].message.is_none() => {
                forest.nodes[place].message = Some(message);
                place
            }
            // A second message with the same identifier gets a place of its own.
            (None, _) | (_, Some(_)) => forest.add(Some(message)),
            (Some(id), None) => {
                let place = forest.add(Some(message));
                places.insert(id, place);
                place
            }
        };
        let mut above = None;
        for id in &key.references {
            let place = match places.get(id.as_str()) {
                Some(place) => *place,
                None => {
                    let place = forest.add(None);
                    places.insert(id, place);
                    place
                }
            };
            if let Some(above) = above
                && forest.nodes[place].parent.is_none()
            {
                forest.link(above, place);
            }
            above = Some(place);
        }
        // What the message itself says of its parent counts more than what others say.
        match above {
            Some(above) => forest.link(above, own),
            None => forest.nodes[own].parent = None,
        }
    }
    forest.settle();
    forest
}

/// Step 3: places without a message are removed, and the nodes below take their place; at the root only if there is
/// just one.
fn prune(forest: &mut Forest) {
    // Nodes, each with the nearest node above it that stays.
    let mut ahead = Vec::new();
    for &root in &forest.roots {
        let below = std::mem::take(&mut forest.nodes[root].children);
        ahead.extend(below.into_iter().map(|child| (child, root)));
    }
    while let Some((at, above)) = ahead.pop() {
        let below = std::mem::take(&mut forest.nodes[at].children);
        let stays = forest.nodes[at].message.is_some();
        if stays {
            forest.nodes[at].parent = Some(above);
            forest.nodes[above].children.push(at);
        }
        let above = if stays { at } else { above };
        ahead.extend(below.into_iter().map(|child| (child, above)));
    }
    let roots = std::mem::take(&mut forest.roots);
    for root in roots {
        let node = &forest.nodes[root];
        match (node.message, node.children.as_slice()) {
            (None, []) => {}
            (None, [only]) => {
                let only = *only;
                forest.nodes[only].parent = None;
                forest.roots.push(only);
            }
            _ => forest.roots.push(root),
        }
    }
}

/// Step 5: threads with the same base subject are joined.
fn join_by_subject(forest: &mut Forest, keys: &[ThreadKeys]) {
    // The message that gives a root its subject: its own, or that of the first below it.
    let speaker = |forest: &Forest, root: usize| {
        let node = &forest.nodes[root];
        let first = node.children.first();
        node.message
            .or_else(|| first.and_then(|first| forest.nodes[*first].message))
    };
    let mut by_subject: HashMap<&str, usize> = HashMap::new();
    for &root in &forest.roots {
        let Some(key) = speaker(forest, root).map(|message| &keys[message]) else {
            continue;
        };
        if key.base_subject.is_empty() {
            continue;
        }
        let chosen = by_subject.entry(&key.base_subject).or_insert(root);
        let is_empty = |at: usize| forest.nodes[at].message.is_none();
        let is_reply = |at: usize| speaker(forest, at).is_some_and(|at| keys[at].is_reply);
        let better = (is_empty(root) && !is_empty(*chosen))
            || (is_empty(root) == is_empty(*chosen) && is_reply(*chosen) && !is_reply(root));
        if better {
            *chosen = root;
        }
    }
    let roots = std::mem::take(&mut forest.roots);
    let mut gone = vec![false; forest.nodes.len()];
    for &root in &roots {
        let Some(key) = speaker(forest, root).map(|message| &keys[message]) else {
            continue;
        };
        let Some(&chosen) = by_subject.get(key.base_subject.as_str()) else {
            continue;
        };
        if chosen == root {
            continue;
        }
        let both_empty =
            forest.nodes[root].message.is_none() && forest.nodes[chosen].message.is_none();
        let chosen_replies = speaker(forest, chosen).is_some_and(|at| keys[at].is_reply);
        gone[root] = true;
        if both_empty {
            let children = std::mem::take(&mut forest.nodes[root].children);
            for child in &children {
                forest.nodes[*child].parent = Some(chosen);
            }
            forest.nodes[chosen].children.extend(children);
        } else if forest.nodes[chosen].message.is_none() || (key.is_reply && !chosen_replies) {
            forest.nodes[root].parent = Some(chosen);
            forest.nodes[chosen].children.push(root);
        } else {
            // Neither is a reply to the other: both go below a new place, which takes the place of the first.
            let place = forest.nodes.len();
            let mut moved = Node {
                parent: Some(chosen),
                ..std::mem::take(&mut forest.nodes[chosen])
            };
            for child in std::mem::take(&mut moved.children) {
                forest.nodes[child].parent = Some(place);
                moved.children.push(child);
            }
            forest.nodes.push(moved);
            gone.push(false);
            forest.nodes[root].parent = Some(chosen);
            forest.nodes[chosen].children = vec![place, root];
        }
    }
    forest.roots = roots.into_iter().filter(|root| !gone[*root]).collect();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use sekisho_store::Uid;

    fn key(number: usize, id: &str, references: &[&str], subject: &str) -> ThreadKeys {
        let base = subject.strip_prefix("re: ").unwrap_or(subject);
        ThreadKeys {
            uid: Uid::new(u32::try_from(number).unwrap()),
            sent: Timestamp::from_second(1_000 + i64::try_from(number).unwrap()).unwrap(),
            base_subject: base.to_owned(),
            is_reply: base != subject,
            id: (!id.is_empty()).then(|| id.to_owned()),
            references: references.iter().map(|&r| r.to_owned()).collect(),
        }
    }

    fn told(forest: &Forest, count: usize) -> String {
        let numbers: Vec<u32> = (1..=u32::try_from(count).unwrap()).collect();
        forest.text(&numbers)
    }

    #[test]
    fn answers_stand_below_what_they_answer() {
        let keys = [
            key(1, "a", &[], "plan"),
            key(2, "b", &["a"], "re: plan"),
            key(3, "c", &["a", "b"], "re: plan"),
            key(4, "d", &["a"], "re: plan"),
            key(5, "e", &[], "other"),
        ];
        assert_eq!(told(&references(&keys), 5), " (1 (2 3)(4))(5)");
    }

    #[test]
    fn a_missing_first_message_leaves_its_answers_side_by_side() {
        let keys = [
            key(1, "b", &["a"], "re: x"),
            key(2, "c", &["a"], "re: x"),
            key(3, "e", &["d"], "re: y"),
        ];
        assert_eq!(told(&references(&keys), 3), " ((1)(2))(3)");
    }

    #[test]
    fn threads_of_one_subject_are_joined() {
        let keys = [
            key(1, "a", &[], "plan"),
            key(2, "b", &[], "re: plan"),
            key(3, "c", &[], "plan"),
            key(4, "d", &[], ""),
            key(5, "e", &[], ""),
        ];
        assert_eq!(told(&references(&keys), 5), " ((1 2)(3))(4)(5)");
    }

    #[test]
    fn a_circle_of_references_is_no_circle_of_threads() {
        let keys = [
            key(1, "a", &["b"], "x"),
            key(2, "b", &["a"], "y"),
            key(3, "c", &["c"], "z"),
            key(4, "a", &[], "w"),
        ];
        assert_eq!(told(&references(&keys), 4), " (2 1)(3)(4)");
    }

    #[test]
    fn subjects_in_order_make_threads_of_two_levels() {
        let keys = [
            key(1, "", &[], "beta"),
            key(2, "", &[], "alpha"),
            key(3, "", &[], "re: beta"),
            key(4, "", &[], "re: beta"),
            key(5, "", &[], "re: alpha"),
        ];
        assert_eq!(told(&ordered_subject(&keys), 5), " (1 (3)(4))(2 5)");
    }

    /// One of two deep threads is hung below the other piece by piece: each joining walks only the smaller of the two.
    #[test]
    fn threads_that_strangers_made_deep_are_joined_quickly() {
        let id = |kind: char, n: usize| format!("{kind}{n}");
        let mut messages: Vec<(String, Vec<String>)> = Vec::new();
        for start in (0..150_000).step_by(99) {
            let path = (start..start + 100).map(|n| id('p', n)).collect();
            messages.push((id('m', start), path));
        }
        for root in 0..500 {
            messages.push((
                id('n', root),
                vec![id('c', root), id('d', root), id('e', root)],
            ));
        }
        for some in (0..500).step_by(50) {
            let joined = (some..some + 50).flat_map(|root| [id('p', 149_000), id('c', root)]);
            messages.push((id('o', some), joined.collect()));
        }
        let keys: Vec<ThreadKeys> = messages
            .iter()
            .enumerate()
            .map(|(at, (id, path))| {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                key(at + 1, id, &path, "")
            })
            .collect();
        let forest = references(&keys);
        assert_eq!(told(&forest, keys.len()).matches('(').count(), 2_027);
    }

    #[test]
    fn a_chain_of_ten_thousand_is_threaded() {
        let ids: Vec<String> = (0..10_000).map(|n| format!("{n}")).collect();
        let keys: Vec<ThreadKeys> = (0..10_000)
            .map(|n| {
                let before: Vec<&str> = (n > 0).then(|| ids[n - 1].as_str()).into_iter().collect();
                key(n + 1, &ids[n], &before, "re: long")
            })
            .collect();
        assert_eq!(
            told(&references(&keys), 10_000).matches(' ').count(),
            10_000
        );
    }

    proptest! {
        #[test]
        fn every_message_is_told_once(
            messages in proptest::collection::vec(
                (0..12_u8, proptest::collection::vec(0..12_u8, 0..5), 0..4_u8, any::<bool>()),
                0..40,
            )
        ) {
            let keys: Vec<ThreadKeys> = messages
                .iter()
                .enumerate()
                .map(|(at, (id, references, subject, reply))| {
                    let references: Vec<String> = references.iter().map(u8::to_string).collect();
                    let references: Vec<&str> = references.iter().map(String::as_str).collect();
                    let subject = match (subject, reply) {
                        (0, _) => String::new(),
                        (subject, true) => format!("re: {subject}"),
                        (subject, false) => subject.to_string(),
                    };
                    let id = if *id == 0 { String::new() } else { id.to_string() };
                    key(at + 1, &id, &references, &subject)
                })
                .collect();
            for forest in [references(&keys), ordered_subject(&keys)] {
                let text = told(&forest, keys.len());
                prop_assert_eq!(text.matches('(').count(), text.matches(')').count());
                let numbers: Vec<usize> = text
                    .split(|c: char| !c.is_ascii_digit())
                    .filter_map(|word| word.parse().ok())
                    .collect();
                prop_assert_eq!(numbers.len(), keys.len());
                let all: BTreeSet<usize> = numbers.into_iter().collect();
                prop_assert_eq!(all.len(), keys.len());
            }
        }
    }
}
