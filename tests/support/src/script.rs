//! Which call gets which answer.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::reply::How;
use crate::{Call, Reply};

type Answering = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

/// Rules by method and path; the newest that fits counts.
#[derive(Default)]
pub(crate) struct Script(Vec<Rule>);

struct Rule {
    method: String,
    path: String,
    replies: Replies,
}

enum Replies {
    /// One after the other; the last stays.
    InTurn(VecDeque<Reply>),
    Made(Answering),
}

impl Script {
    /// `on` is `"POST /orders"`; a `*` at the end stands for any rest, also of the query.
    pub(crate) fn in_turn(&mut self, on: &str, replies: impl IntoIterator<Item = Reply>) {
        let replies: VecDeque<Reply> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a rule for `{on}` needs an answer");
        self.add(on, Replies::InTurn(replies));
    }

    pub(crate) fn made(&mut self, on: &str, answering: Answering) {
        self.add(on, Replies::Made(answering));
    }

    fn add(&mut self, on: &str, replies: Replies) {
        let (method, path) = on.split_once(' ').expect("a rule is `METHOD /path`");
        self.0.push(Rule { method: method.to_owned(), path: path.to_owned(), replies });
    }

    /// Whether the body of this call goes back as it comes, and so must not be read before.
    pub(crate) fn echoes(&self, call: &Call) -> Option<Reply> {
        let rule = self.0.iter().rev().find(|rule| rule.fits(call))?;
        match &rule.replies {
            Replies::InTurn(replies) => replies.front().filter(|reply| reply.how() == How::Echo).cloned(),
            Replies::Made(_) => None,
        }
    }

    /// The answer to this call; a call that no rule is for is done at once.
    pub(crate) fn reply(&mut self, call: &Call) -> Reply {
        let Some(rule) = self.0.iter_mut().rev().find(|rule| rule.fits(call)) else {
            return Reply::json(200, &serde_json::json!({ "done": true }));
        };
        match &mut rule.replies {
            Replies::InTurn(replies) if replies.len() > 1 => {
                replies.pop_front().expect("it has more than one")
            }
            Replies::InTurn(replies) => replies[0].clone(),
            Replies::Made(answering) => answering(call),
        }
    }
}

impl Rule {
    fn fits(&self, call: &Call) -> bool {
        let path = match self.path.strip_suffix('*') {
            Some(start) => call.path.starts_with(start),
            None => call.path == self.path,
        };
        self.method == call.method && path
    }
}
