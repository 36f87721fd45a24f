//! The core as another tool would embed it: by what is public, with a world of its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use portus_core::{
    Answer, Ask, BootId, Broker, Caller, Change, Command, Effect, Holder, Key, Look, Moment, Policy, Port, PortRange,
    ProcessIdentity, Protocol, Purpose, Refusal, Request, Requester, Sighting, Span, Stale, Strategy, Survey, Target,
    Timestamp, spread,
};

const BOOT: BootId = BootId(1);

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(Port::new(first).unwrap(), Port::new(last).unwrap()).unwrap()
}

fn key(service: &str) -> Key {
    Key { project: "tool".into(), worktree: "/tool".into(), service: service.parse().unwrap() }
}

fn request(service: &str, holder: Option<ProcessIdentity>) -> Request {
    let ask = Ask {
        key: key(service),
        purpose: Purpose::Lease,
        protocol: Protocol::Tcp,
        preferred: None,
        strict: false,
        range: None,
        pool: range(20_000, 20_999),
        fallback: None,
        expand: None,
        strategy: Strategy::Spread(spread(1000, "tool", service, None)),
        exclude: Vec::new(),
    };
    Request {
        asks: vec![ask],
        contiguous: false,
        holder: holder.map(|process| Holder { process, command: "serve".into() }),
        requester: Requester::default(),
        ttl: None,
        guard: None,
        queued: false,
        stale: Stale::None,
    }
}

/// Look, decide, write down, believe, act, answer.
struct Tool {
    broker: Broker,
    journal: Vec<Change>,
    effects: BTreeSet<Effect>,
    now: Moment,
}

impl Tool {
    fn new() -> Self {
        let broker = Broker::new(Policy::default());
        let mut tool = Self { broker, journal: Vec::new(), effects: BTreeSet::new(), now: Moment::default() };
        tool.tell(Command::Boot { boot: BOOT }).unwrap();
        tool
    }

    fn lease(&mut self, request: Request, taken: &[u16]) -> Result<u16, Refusal> {
        let mut survey = Survey::new();
        loop {
            let wanted = self.broker.shortlist(self.now, &request, &survey);
            if wanted.is_empty() {
                break;
            }
            let look = |port: Port| if taken.contains(&port.number()) { Look::Taken } else { Look::Free };
            survey.extend(wanted.into_iter().map(|(port, protocol)| ((port, protocol), look(port))));
        }
        let key = request.asks[0].key.clone();
        self.tell(Command::Request { request, survey })?;
        Ok(self.broker.lease_of(&key).unwrap().port.number())
    }

    fn tell(&mut self, command: Command) -> Result<Answer, Refusal> {
        let decision = self.broker.decide(self.now, command);
        self.journal.extend(decision.changes.iter().cloned());
        decision.changes.iter().for_each(|change| self.broker.evolve(change));
        self.effects = self.broker.standing_effects();
        decision.answer
    }
}

#[test]
fn a_tool_leases_forgets_nothing_in_a_crash_and_lets_go_in_time() {
    let mut tool = Tool::new();
    let start = 20_000 + u16::try_from(spread(1000, "tool", "web", None) % 1_000).unwrap();
    let process = ProcessIdentity { pid: 7, birth: 70, boot: BOOT };
    let port = tool.lease(request("web", Some(process)), &[start]).unwrap();
    assert_eq!(port, start + 1, "the place it tends to is taken by a stranger");
    tool.lease(request("api", None), &[]).unwrap();
    assert!(tool.effects.contains(&Effect::Watch { process }));

    // The tool crashes. What it wrote down leads to the same ledger.
    tool.broker = Broker::from_history(Policy::default(), tool.journal.clone());
    assert_eq!(tool.broker.standing_effects(), tool.effects);
    assert_eq!(tool.lease(request("web", Some(process)), &[]), Ok(port));

    // The pending lease ends at its deadline, the held one with its holder.
    assert_eq!(tool.broker.next_deadline(), Some(Timestamp(300_000)));
    tool.now.awake = Timestamp(300_000);
    tool.tell(Command::Tick { sightings: Vec::new() }).unwrap();
    assert_eq!(tool.broker.live_leases().len(), 2, "nothing is ended by a look that was not made");
    let nobody = |lease: &portus_core::Lease| Sighting { port: lease.port, listeners: Vec::new() };
    let sightings = tool.broker.due(tool.now.awake).map(nobody).collect();
    tool.tell(Command::Tick { sightings }).unwrap();
    assert_eq!(tool.broker.live_leases().len(), 1);
    tool.tell(Command::ProcessExited { process, sightings: Vec::new(), survivors: [].into() }).unwrap();
    assert_eq!((tool.broker.live_leases().len(), tool.effects.len()), (0, 0));
    assert_eq!(tool.lease(request("web", None), &[]), Ok(port), "the number stays its own");
}

#[test]
fn a_tool_s_parts_cannot_take_each_other_s_ports() {
    let mut tool = Tool::new();
    tool.lease(request("web", None), &[]).unwrap();
    let caller = Caller { worktree: "/another".into(), force: false };
    let refused = tool.tell(Command::Release { targets: vec![Target::Key(key("web"))], caller });
    assert!(matches!(refused, Err(Refusal::NotYours { .. })));
    assert_eq!(Span::from_secs(60), tool.broker.policy().cool_down);
}
