//! The port is kept in the kernel: from the grant on, and invisibly.
#![cfg(target_os = "linux")]

use std::process::Command;

use portus_tests::{Piped, Rig, Running, Said, net};

/// Tries to bind a port on every usual address, without and with SO_REUSEADDR as told, over and
/// over, and says how often it got in. Ends when its standard input does.
const HOSTILE: &str = "import socket, sys, select
port, reuse, got, tries = int(sys.argv[1]), sys.argv[2] == 'reuse', 0, 0
print('trying', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for family, address in [(socket.AF_INET, '127.0.0.1'), (socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::1'),
                            (socket.AF_INET6, '::'), (socket.AF_INET, '127.0.0.2')]:
        s = socket.socket(family)
        if reuse: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, port))
            got += 1
        except OSError:
            pass
        s.close()
        tries += 1
print(got, tries, flush=True)";

#[test]
fn a_held_port_is_out_of_reach_and_out_of_sight_until_it_is_given_back() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    let port = rig.say(&dir, ["request", "web", "--hold"]).good().port();
    assert_eq!(rig.json(&dir, ["list", "--json"])["leases"][0]["guarded"], true);

    let mut hostile = Command::new("python3");
    hostile.args(["-c", HOSTILE, &port.to_string(), "plain"]);
    let mut hostile = Piped::start(hostile);
    assert_eq!(hostile.line(), "trying");
    let daemon = format!("pid={},", rig.daemon_pid().unwrap());
    let ss = Command::new("ss").args(["-ltnp"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&ss.stdout).contains(&daemon), "ss shows the daemon");
    let lsof = Command::new("lsof").args(["-nP", "-t", &format!("-iTCP:{port}")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&lsof.stdout), "", "lsof shows the daemon");
    let fuser = Command::new("fuser").args([&format!("{port}/tcp")]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&fuser.stdout).trim(), "", "fuser shows the daemon");
    hostile.finish();
    let said = hostile.line();
    let (got, tries) = said.split_once(' ').unwrap();
    assert_eq!(got, "0", "the guard was passed");
    assert!(tries.parse::<u32>().unwrap() > 0);

    // What the lease is for gets in: a server that sets SO_REUSEADDR, as most do.
    let server = ["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()];
    let mut command = Command::new("python3");
    command.args(["-u"]).args(server).current_dir(&dir);
    let mut server = Running::start(command);
    assert!(server.line().starts_with("Serving"));
    assert_eq!(rig.say(&dir, ["get", "web", "--wait", "20s"]).good().port(), port);
    let lease = &rig.json(&dir, ["list", "--json"])["leases"][0];
    assert_eq!((&lease["state"], &lease["guarded"]), (&"active".into(), &false.into()));
}

/// Binds like [`HOSTILE`], and says at what times (monotonic, seconds) it got in.
const STAMPING: &str = "import socket, sys, select, time
port = int(sys.argv[1])
print('trying', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for address in ['127.0.0.1', '0.0.0.0', '127.0.0.2']:
        s = socket.socket()
        try:
            s.bind((address, port))
            print('%.6f' % time.clock_gettime(time.CLOCK_REALTIME), flush=True)
        except OSError:
            pass
        s.close()
print('end', flush=True)";

#[test]
fn from_the_grant_until_exec_nobody_gets_past_run() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    // Claimed and held first, so that the hostile loop meets a guard from its first try on.
    let port = rig.say(&dir, ["request", "web", "--hold"]).good().port();
    let mut hostile = Command::new("python3");
    hostile.args(["-c", STAMPING, &port.to_string()]);
    let mut hostile = Piped::start(hostile);
    assert_eq!(hostile.line(), "trying");
    // The command's exec is stretched to half a second, during which the port must stay kept.
    let trace = dir.join("trace");
    let run = rig.portus(&dir, ["run", "-s", "web", "--", "/bin/true"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-ttt", "-e", "trace=execve", "-e", "inject=execve:delay_enter=500000:when=1", "-o"]);
    strace.arg(&trace).arg("--").arg(run.get_program()).args(run.get_args()).current_dir(&dir).env_clear();
    strace.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let said = Said::from(strace.output().unwrap());
    let _ = said.good();
    hostile.finish();
    let trace = std::fs::read_to_string(trace).unwrap();
    let exec = trace.lines().find(|line| line.contains("\"/bin/true\"")).unwrap_or_else(|| panic!("{trace}"));
    let entered: f64 = exec.split_whitespace().find_map(|word| word.contains('.').then(|| word.parse().ok())?).unwrap();
    loop {
        let line = hostile.line();
        if line == "end" {
            break;
        }
        let got_in: f64 = line.parse().unwrap();
        let exec_begins = entered + 0.45;
        assert!(got_in > exec_begins, "somebody got in {:.6} s before exec", exec_begins - got_in);
    }
}

#[test]
fn nothing_draws_a_guarded_port_by_chance() {
    let rig = Rig::new();
    let dir = rig.directory("app");
    // A network of its own, with eight ephemeral ports of which three are guarded.
    let script = format!(
        "set -e; ip link set lo up 2>/dev/null || ifconfig lo up
         echo '40000 40007' > /proc/sys/net/ipv4/ip_local_port_range
         for port in 40001 40002 40004; do '{portus}' request s$port --port $port --strict --hold; done
         python3 - <<'PY'
import socket
drawn = set()
for n in range(300):
    s = socket.socket(); s.bind(('127.0.0.1', 0)); drawn.add(s.getsockname()[1]); s.close()
server = socket.socket(); server.bind(('127.0.0.1', 9)); server.listen(300)
for n in range(100):
    c = socket.socket(); c.connect(('127.0.0.1', 9)); drawn.add(c.getsockname()[1])
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\\1\\0\\0\\0\\0\\0\\0\\0'); c.close()
print(sorted(drawn))
PY
         '{portus}' daemon stop --quiet",
        portus = portus_tests::portus_binary().display()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]).current_dir(&dir);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("PORTUS_HOME", rig.home());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let drawn = said.lines().last().unwrap();
    assert!(drawn.matches("400").count() >= 3, "too few were drawn to tell: {said}");
    assert!(!["40001", "40002", "40004"].iter().any(|guarded| drawn.contains(guarded)), "{said}");
}

#[test]
fn strangers_on_any_address_are_avoided() {
    let rig = Rig::new();
    for (name, bind) in [
        ("loopback6", "socket.socket(socket.AF_INET6), ('::1', port)"),
        ("other-loopback", "socket.socket(), ('127.0.0.9', port)"),
        ("plain", "socket.socket(), ('127.0.0.1', port)"),
    ] {
        let dir = rig.directory(name);
        let port = net::free_port();
        let script = format!(
            "import socket, sys
port = {port}
s, address = {bind}
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(address); s.listen(); print('up', flush=True); sys.stdin.read()"
        );
        let mut stranger = stranger(&script);
        assert_eq!(stranger.line(), "up");
        let said = rig.say(&dir, ["request", "web", "--port", &port.to_string()]).good();
        assert_ne!(said.port(), port, "{name}");
        let said = rig.say(&dir, ["request", "other", "--port", &port.to_string(), "--strict"]).ended_with(4);
        assert!(said.stderr.contains(&port.to_string()), "{}", said.stderr);
    }
    let dir = rig.directory("udp");
    let mut stranger = stranger(
        "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True); sys.stdin.read()",
    );
    let port = stranger.line();
    for protocol in ["udp", "both"] {
        let args = ["request", protocol, "--port", &port, "--protocol", protocol];
        assert_ne!(rig.say(&dir, args).good().port().to_string(), port);
    }
}

fn stranger(script: &str) -> Piped {
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    Piped::start(command)
}
