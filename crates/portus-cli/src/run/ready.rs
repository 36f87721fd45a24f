//! Whether a service that listens also answers.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portus_core::Port;
use portus_os::supervise::Waker;

/// How long one question may take: a first compilation can hold the answer up.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long to wait before the next question, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

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

/// Asks for a path of a local port, beside the main thread, until it is answered.
#[derive(Debug)]
pub(super) struct Question {
    answered: Arc<AtomicBool>,
}

impl Question {
    /// Begins to ask. `waker` is used when the answer has come.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn ask(port: Port, path: &str, waker: Waker) -> std::io::Result<Self> {
        let answered = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&answered);
        // Browsers take `localhost` for both addresses, even where the system's resolver does not.
        let urls = ["localhost", "[::1]"].map(|host| format!("http://{host}:{port}{path}"));
        let ask = move || {
            let agent = agent();
            let mut pause = PAUSE.0;
            while !urls.iter().any(|url| answers(&agent, url)) {
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE.1);
            }
            tell.store(true, Ordering::SeqCst);
            waker.wake();
        };
        std::thread::Builder::new().name("ready".to_owned()).spawn(ask)?;
        Ok(Self { answered })
    }

    /// Whether it has answered as it should.
    pub(super) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::SeqCst)
    }
}

/// Speaks to the machine itself only: no proxy, and no redirect that might lead elsewhere.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(ANSWER_WITHIN))
        .build()
        .into()
}

fn answers(agent: &ureq::Agent, url: &str) -> bool {
    agent.get(url).call().is_ok_and(|response| response.status().as_u16() < 400)
}

#[cfg(test)]
mod tests {
    use super::*;

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
