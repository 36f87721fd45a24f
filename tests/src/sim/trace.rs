//! A run as a text: what happened, and where something went wrong. Saved when a promise is broken, and replayed.

use std::fmt;
use std::str::FromStr;

use super::campaign::Strike;
use super::event::{Event, fault_name, fault_named};
use super::promise::{Findings, Promise};
use super::run::Run;
use super::story;

/// A run that can be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// What it was drawn from; 0 for one that somebody wrote.
    pub seed: u64,
    /// Where something goes wrong, and how.
    pub strike: Option<Strike>,
    /// What happens.
    pub events: Vec<Event>,
    /// The promise that it broke when it was saved.
    pub promise: Option<Promise>,
    /// What was said about that.
    pub particulars: String,
}

impl Trace {
    /// The run that led to these findings.
    pub fn of(seed: u64, strike: Option<Strike>, events: &[Event], found: &Findings) -> Self {
        let (promise, particulars) = match found.broken.first() {
            Some((promise, particulars)) => (Some(*promise), particulars.clone()),
            None => (None, String::new()),
        };
        Self { seed, strike, events: events.to_vec(), promise, particulars }
    }

    /// Plays it step by step: the story, and what was found.
    pub fn replay(&self) -> (Vec<String>, Findings) {
        let mut run = Run::new(None, self.strike);
        run.story = Some(Vec::new());
        self.events.iter().for_each(|event| run.happen(event));
        let mut story = run.story.take().unwrap_or_default();
        let leases: Vec<String> =
            run.broker().map(|broker| broker.live_leases().map(story::lease).collect()).unwrap_or_default();
        story.extend(leases.into_iter().map(|lease| format!("= {lease}")));
        run.wind_up();
        story.push(format!("> everybody goes, and time goes on: {} crashes in all", run.crashes));
        story.extend(run.found.broken.iter().map(|(promise, what)| format!("! {promise}: {what}")));
        (story, run.found)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(promise) = self.promise {
            writeln!(out, "# breaks {promise}: {}", self.particulars.replace('\n', " "))?;
        }
        if self.seed != 0 {
            writeln!(out, "# from seed {}", self.seed)?;
        }
        if let Some((point, fault)) = self.strike {
            writeln!(out, "at {point} {}", fault_name(fault))?;
        }
        self.events.iter().try_for_each(|event| writeln!(out, "{event}"))
    }
}

impl FromStr for Trace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut trace = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let wrong = |error: String| format!("line {}: {error}", number + 1);
            if line.is_empty() {
                continue;
            }
            if let Some(strike) = line.strip_prefix("at ") {
                let (point, fault) = strike.split_once(' ').ok_or_else(|| wrong("at which point, what?".to_owned()))?;
                let point = point.parse().map_err(|_| wrong(format!("`{point}` is no point of IO")))?;
                trace.strike = Some((point, fault_named(fault).map_err(wrong)?));
                continue;
            }
            trace.events.push(line.parse().map_err(wrong)?);
        }
        Ok(trace)
    }
}
