//! Looks at the machine: `scan` and `explain`, in turn with `ss` and `lsof`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use super::commands::quiet;
use super::{Limit, Row, Samples, myself, program};
use crate::Rig;

/// Listeners on the machine besides those that are there anyway.
const LISTENERS: usize = 1_000;
/// Of how many processes.
const LISTENING: usize = 10;
const ROUNDS: usize = 15;

/// A process that listens on some ports and waits until its standard input closes: `bench stand-by N`.
/// Tells the last of the ports.
pub fn stand_by(listeners: usize) -> std::io::Result<()> {
    let listeners: Result<Vec<_>, _> = (0..listeners).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    let listeners = listeners?;
    let last = listeners.last().map(TcpListener::local_addr).transpose()?;
    writeln!(std::io::stdout(), "{}", last.map_or(0, |address| address.port()))?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Ends when its standard input closes.
struct Bystander(Child);

impl Drop for Bystander {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Goals 7 and 8.
pub(super) fn scans() -> Vec<Row> {
    let Some(ss) = program("ss") else {
        return vec![Row::missing(7, "portus scan : ss -ltnp", Limit::AtMost(0.5), "no ss (Debian: iproute2)")];
    };
    let (listening, ports): (Vec<_>, Vec<_>) = (0..LISTENING).map(|_| bystander(LISTENERS / LISTENING)).unzip();
    let mut bystanders = listening;
    let mut rows = Vec::new();
    for processes in [500, 2_000] {
        while bystanders.len() < processes {
            bystanders.push(bystander(0).0);
        }
        let rig = Rig::new();
        let dir = rig.work();
        let [mut cold, mut warm, mut whole] = [(); 3].map(|()| Samples::default());
        for _ in 0..ROUNDS {
            // A daemon that was just started knows nobody.
            rig.say(&dir, ["daemon", "restart"]).good();
            cold.time(|| quiet(&mut rig.portus(&dir, ["scan"])));
            whole.time(|| quiet(Command::new(&ss).arg("-ltnp")));
            warm.time(|| quiet(&mut rig.portus(&dir, ["scan"])));
        }
        let row = |goal, what: &str, ours: &Samples, theirs: &Samples, limit| {
            let how = format!("{:.1} ms : {:.1} ms, {processes} processes", ours.median() / 1e3, theirs.median() / 1e3);
            Row::new(goal, what, ours.median() / theirs.median(), Limit::AtMost(limit), how)
        };
        rows.push(row(7, "cold portus scan : ss -ltnp", &cold, &whole, 0.5));
        rows.push(row(8, "warm portus scan : ss -ltnp", &warm, &whole, 0.1));
        let port = ports[0].to_string();
        rows.push(match program("lsof") {
            Some(lsof) => {
                let [mut ours, mut theirs] = [(); 2].map(|()| Samples::default());
                for _ in 0..ROUNDS {
                    ours.time(|| quiet(&mut rig.portus(&dir, ["explain", &port])));
                    theirs.time(|| quiet(Command::new(&lsof).args(["-nP", "-i", &format!(":{port}")])));
                }
                row(8, "portus explain PORT : lsof -i :PORT", &ours, &theirs, 0.05)
            }
            None => Row::missing(8, "portus explain PORT : lsof -i :PORT", Limit::AtMost(0.05), "no lsof"),
        });
    }
    rows
}

fn bystander(listeners: usize) -> (Bystander, u16) {
    let mut command = myself("stand-by");
    command.arg(listeners.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Bystander(child), line.trim().parse().unwrap())
}
