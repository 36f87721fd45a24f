//! Whether a service that listens also answers.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portus_client::health::{ANSWER_WITHIN, ASK_AGAIN_AFTER, Asked, Check};
use portus_os::supervise::Waker;
use portus_proto::Lease;

/// When a service counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Readiness {
    /// It listens.
    #[default]
    Tcp,
    /// It answers this path with a status below 400.
    Http(String),
}

impl FromStr for Readiness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "tcp" => Ok(Self::Tcp),
            Some(("http", path)) if path.starts_with('/') => Ok(Self::Http(path.to_owned())),
            _ => Err(format!("`{text}` is neither `tcp` nor `http:/path`")),
        }
    }
}

/// How long a service is asked, and how long each answer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    each: Duration,
    all: Duration,
}

impl Patience {
    /// Somebody waits for it to be ready, and a first compilation can hold the answer up.
    pub(super) const READY: Self = Self { each: Duration::from_secs(60), all: Duration::from_secs(600) };
    /// It is well or not; `portus health` asks again at any time.
    pub(super) const HEALTH: Self = Self { each: ANSWER_WITHIN, all: Duration::from_secs(120) };
}

/// Asks a service, beside the main thread, until it answers as it should or patience ends. Dropped, it asks no more.
#[derive(Debug)]
pub(super) struct Question {
    lease: Lease,
    answers: Receiver<Answer>,
    /// What the asking thread looks at to see whether anybody still wants to know.
    _wanted: Arc<()>,
}

/// Another answer than the one before, or the last one.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) asked: Asked,
    /// Whether no other will follow.
    pub(super) is_last: bool,
}

impl Question {
    /// Begins to ask. `waker` is used when there is something new.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn ask(lease: &Lease, check: Check, patience: Patience, waker: Waker) -> std::io::Result<Self> {
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        let (send, answers) = channel();
        let asked_lease = lease.clone();
        let ask = move || {
            let deadline = Instant::now() + patience.all;
            let (mut pause, mut before) = (ASK_AGAIN_AFTER.0, None);
            while is_wanted.strong_count() > 0 {
                let asked = check.ask(&asked_lease, patience.each);
                let is_last = asked.is_healthy() || Instant::now() >= deadline;
                if (is_last || before != Some(asked.health)) && is_wanted.strong_count() > 0 {
                    before = Some(asked.health);
                    drop(send.send(Answer { asked, is_last }));
                    waker.wake();
                }
                if is_last {
                    return;
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(ASK_AGAIN_AFTER.1);
            }
        };
        std::thread::Builder::new().name("ask".to_owned()).spawn(ask)?;
        Ok(Self { lease: lease.clone(), answers, _wanted: wanted })
    }

    /// The lease whose service is asked.
    pub(super) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The latest of what is new.
    pub(super) fn answer(&self) -> Option<Answer> {
        latest(&self.answers)
    }
}

/// Two answers may wake us once. What came before the latest is not so any more, and nothing follows the last one.
fn latest(answers: &Receiver<Answer>) -> Option<Answer> {
    answers.try_iter().last()
}

#[cfg(test)]
mod tests {
    use portus_proto::Health;

    use super::*;

    #[test]
    fn one_wake_takes_all_answers_and_the_latest_counts() {
        let (send, answers) = channel();
        for (health, is_last) in [(Health::Unhealthy, false), (Health::Unknown, false), (Health::Healthy, true)] {
            let asked = Asked { health, detail: String::new() };
            send.send(Answer { asked, is_last }).unwrap();
        }
        let answer = latest(&answers).unwrap();
        assert_eq!((answer.asked.health, answer.is_last), (Health::Healthy, true));
        assert!(latest(&answers).is_none());
    }

    #[test]
    fn readiness_is_read_from_words() {
        for (text, wanted) in [
            ("tcp", Some(Readiness::Tcp)),
            ("http:/", Some(Readiness::Http("/".to_owned()))),
            ("http:/health?deep=1", Some(Readiness::Http("/health?deep=1".to_owned()))),
            ("http", None),
            ("http:health", None),
            ("https:/x", None),
            ("udp", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Readiness>().ok(), wanted, "{text}");
        }
    }
}
