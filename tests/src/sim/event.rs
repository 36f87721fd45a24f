//! What can happen in a simulated run, and how it is written down: one event a line, in words.
//!
//! Traces of failing runs and the scenarios below `tests/scenarios` are texts of these lines.

use std::fmt::{self, Display};
use std::str::FromStr;

use portus_core::Admit;
use portus_daemon::engine::toy::Fault;

/// A service by small numbers: which service, of which worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// The service.
    pub service: u8,
    /// Its worktree.
    pub worktree: u8,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// For whom, one port each.
    pub whose: Vec<Who>,
    /// The process it is held for.
    pub holder: Option<u8>,
    /// The time to live, in seconds.
    pub ttl: Option<u64>,
    /// Whether to guard, and whom to let past.
    pub guard: Option<Admit>,
    /// The port liked best by the first.
    pub preferred: Option<u16>,
    /// Whether no other will do for the first.
    pub strict: bool,
    /// Whether the ports must follow each other.
    pub row: bool,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody asks for ports.
    Ask(Wish),
    /// Somebody says that a service is up, and perhaps which process serves.
    Confirm(u64, Option<u8>),
    /// Somebody renews a lease, perhaps for so many seconds.
    Renew(u64, Option<u64>),
    /// Somebody gives a lease back.
    Release(u64),
    /// Somebody gives all leases of a worktree back.
    ReleaseAll(u8),
    /// A holder is about to start its program; whether the guard stays until the program binds.
    Launch(u64, bool),
    /// A holder has started its program.
    Attach(u64, u8),
    /// A holder's program ended early; whether it said that it could not bind.
    Suspect(u64, bool),
    /// A process begins, in a worktree, perhaps as another's child. Its number may have been another's.
    Spawn(u8, u8, Option<u8>),
    /// A process ends.
    Exit(u8),
    /// Portus hears of all ends that it watches for.
    Notice,
    /// A process listens.
    Listen(u8, u16),
    /// Somebody of another user takes a port.
    Intrude(u16),
    /// And leaves it.
    Vanish(u16),
    /// Portus looks at the ports it wants to look at.
    Look,
    /// Portus ends what is due.
    Tick,
    /// So many seconds pass.
    Pass(u64),
    /// The wall clock is set by so many seconds.
    Leap(i64),
    /// A guard turns out to be lost.
    LoseGuard(u16),
    /// A number is kept for good.
    Pin(Who, u16),
    /// A number is given up.
    Forget(Who),
    /// Worktrees are looked for, and this one is missing.
    Sweep(u8),
    /// A port is not to be handed out.
    Quarantine(u16),
    /// A port is to be handed out again.
    Revive(u16),
    /// The daemon is killed and starts again.
    Restart,
    /// The machine starts again.
    Reboot,
    /// The journal cannot be read by the next start.
    Spoil,
    /// So many points of IO from here, this goes wrong.
    Strike(usize, Fault),
    /// These reach the engine as one batch.
    Together(Vec<Event>),
}

impl Event {
    /// Itself, or what it consists of.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Together(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }
}

/// Faults by name.
pub const FAULTS: [(&str, Fault); 5] = [
    ("die-before", Fault::DieBefore),
    ("die-after", Fault::DieAfter),
    ("disk-full", Fault::DiskFull),
    ("unknown-lost", Fault::UnknownLost),
    ("unknown-kept", Fault::UnknownKept),
];

/// A fault's name.
pub fn fault_name(fault: Fault) -> &'static str {
    FAULTS.iter().find(|(_, other)| *other == fault).map_or("?", |(name, _)| name)
}

/// The fault of a name.
///
/// # Errors
/// For a name that is none.
pub fn fault_named(name: &str) -> Result<Fault, String> {
    let found = FAULTS.iter().find(|(other, _)| *other == name);
    found.map(|(_, fault)| *fault).ok_or_else(|| format!("`{name}` is no fault"))
}

impl Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "s{}@w{}", self.service, self.worktree)
    }
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once("@w").and_then(|(service, worktree)| Some((service.strip_prefix('s')?, worktree)));
        let (service, worktree) = parts.ok_or_else(|| format!("`{text}` is no service such as s0@w1"))?;
        Ok(Self { service: number(service)?, worktree: number(worktree)? })
    }
}

/// ` name=value`, if there is one.
fn option(name: &str, value: Option<impl Display>) -> String {
    value.map(|value| format!(" {name}={value}")).unwrap_or_default()
}

impl Display for Wish {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ask")?;
        self.whose.iter().try_for_each(|who| write!(out, " {who}"))?;
        let (holder, ttl, guard) =
            (option("holder", self.holder), option("ttl", self.ttl), option("guard", self.guard));
        let strict = if self.strict { " strict" } else { "" };
        let row = if self.row { " row" } else { "" };
        write!(out, "{holder}{ttl}{guard}{}{strict}{row}", option("prefer", self.preferred))
    }
}

impl Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(wish) => wish.fmt(out),
            Self::Confirm(lease, pid) => write!(out, "confirm {lease}{}", option("pid", *pid)),
            Self::Renew(lease, ttl) => write!(out, "renew {lease}{}", option("ttl", *ttl)),
            Self::Release(lease) => write!(out, "release {lease}"),
            Self::ReleaseAll(worktree) => write!(out, "release-all {worktree}"),
            Self::Launch(lease, hand_over) => {
                write!(out, "launch {lease}{}", if *hand_over { " hand-over" } else { "" })
            }
            Self::Attach(lease, pid) => write!(out, "attach {lease} {pid}"),
            Self::Suspect(lease, certain) => {
                write!(out, "suspect {lease}{}", if *certain { " certain" } else { "" })
            }
            Self::Spawn(pid, worktree, parent) => write!(out, "spawn {pid} {worktree}{}", option("parent", *parent)),
            Self::Exit(pid) => write!(out, "exit {pid}"),
            Self::Notice => out.write_str("notice"),
            Self::Listen(pid, port) => write!(out, "listen {pid} {port}"),
            Self::Intrude(port) => write!(out, "intrude {port}"),
            Self::Vanish(port) => write!(out, "vanish {port}"),
            Self::Look => out.write_str("look"),
            Self::Tick => out.write_str("tick"),
            Self::Pass(seconds) => write!(out, "pass {seconds}"),
            Self::Leap(seconds) => write!(out, "leap {seconds}"),
            Self::LoseGuard(port) => write!(out, "lose-guard {port}"),
            Self::Pin(who, port) => write!(out, "pin {who} {port}"),
            Self::Forget(who) => write!(out, "forget {who}"),
            Self::Sweep(worktree) => write!(out, "sweep {worktree}"),
            Self::Quarantine(port) => write!(out, "quarantine {port}"),
            Self::Revive(port) => write!(out, "revive {port}"),
            Self::Restart => out.write_str("restart"),
            Self::Reboot => out.write_str("reboot"),
            Self::Spoil => out.write_str("spoil"),
            Self::Strike(points, fault) => write!(out, "strike {points} {}", fault_name(*fault)),
            Self::Together(parts) => {
                let texts: Vec<String> = parts.iter().map(Self::to_string).collect();
                out.write_str(&texts.join(" + "))
            }
        }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is no number that fits"))
}

/// The words of a line, taken one after the other.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn next<N: FromStr>(&mut self) -> Result<N, String> {
        if self.0.is_empty() {
            return Err("there is a word missing".to_owned());
        }
        let word = self.0.remove(0);
        word.parse().map_err(|_| format!("`{word}` makes no sense here"))
    }

    fn named<N: FromStr>(&mut self, name: &str) -> Result<Option<N>, String> {
        let value = |word: &&'a str| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        let Some(place) = self.0.iter().position(|word| value(word).is_some()) else { return Ok(None) };
        value(&self.0.remove(place)).map(number).transpose()
    }

    fn flag(&mut self, name: &str) -> bool {
        let place = self.0.iter().position(|word| *word == name);
        place.map(|place| self.0.remove(place)).is_some()
    }

    fn wish(&mut self) -> Result<Wish, String> {
        let (holder, ttl, preferred) = (self.named("holder")?, self.named("ttl")?, self.named("prefer")?);
        let guard = self.named("guard")?;
        let (strict, row) = (self.flag("strict"), self.flag("row"));
        let whose = std::mem::take(&mut self.0).into_iter().map(Who::from_str).collect::<Result<Vec<_>, _>>()?;
        Ok(Wish { whose, holder, ttl, guard, preferred, strict, row })
    }
}

impl FromStr for Event {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        if line.contains(" + ") {
            return line.split(" + ").map(Self::from_str).collect::<Result<_, _>>().map(Self::Together);
        }
        let mut words = Words(line.split_whitespace().collect());
        let verb: String = words.next()?;
        let event = match verb.as_str() {
            "ask" => Self::Ask(words.wish()?),
            "confirm" => Self::Confirm(words.next()?, words.named("pid")?),
            "renew" => Self::Renew(words.next()?, words.named("ttl")?),
            "release" => Self::Release(words.next()?),
            "release-all" => Self::ReleaseAll(words.next()?),
            "launch" => Self::Launch(words.next()?, words.flag("hand-over")),
            "attach" => Self::Attach(words.next()?, words.next()?),
            "suspect" => Self::Suspect(words.next()?, words.flag("certain")),
            "spawn" => Self::Spawn(words.next()?, words.next()?, words.named("parent")?),
            "exit" => Self::Exit(words.next()?),
            "notice" => Self::Notice,
            "listen" => Self::Listen(words.next()?, words.next()?),
            "intrude" => Self::Intrude(words.next()?),
            "vanish" => Self::Vanish(words.next()?),
            "look" => Self::Look,
            "tick" => Self::Tick,
            "pass" => Self::Pass(words.next()?),
            "leap" => Self::Leap(words.next()?),
            "lose-guard" => Self::LoseGuard(words.next()?),
            "pin" => Self::Pin(words.next()?, words.next()?),
            "forget" => Self::Forget(words.next()?),
            "sweep" => Self::Sweep(words.next()?),
            "quarantine" => Self::Quarantine(words.next()?),
            "revive" => Self::Revive(words.next()?),
            "restart" => Self::Restart,
            "reboot" => Self::Reboot,
            "spoil" => Self::Spoil,
            "strike" => Self::Strike(words.next()?, fault_named(&words.next::<String>()?)?),
            other => return Err(format!("`{other}` is no event")),
        };
        if words.0.is_empty() { Ok(event) } else { Err(format!("`{}` is too much", words.0.join(" "))) }
    }
}
