//! Ports that are forwarded to containers: Docker is asked for their names.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::JoinHandle;

use portus_core::Port;
use portus_proto::{Call, Code, ExplainCall, KillCall, Reply, Target};

use crate::rig::*;

/// Answers so many questions as Docker does, with a container that publishes this port.
fn docker(socket: &Path, port: Port, questions: usize) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(questions) {
            let mut stream = stream.unwrap();
            let mut question = [0; 1_024];
            let len = stream.read(&mut question).unwrap();
            assert!(question[..len].starts_with(b"GET /containers/json HTTP/1."));
            let published = format!(r#"{{"IP": "0.0.0.0", "PrivatePort": 5432, "PublicPort": {port}, "Type": "tcp"}}"#);
            let labels = r#"{"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}"#;
            let body = format!(r#"[{{"Names": ["/shop-db-1"], "Ports": [{published}], "Labels": {labels}}}]"#);
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    })
}

#[test]
fn what_is_forwarded_to_a_container_is_named_and_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (home, program, socket) =
        (folder.path().join("home"), folder.path().join("docker-proxy"), folder.path().join("d"));
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &program).unwrap();
    let proxy = Helper::start_as(&program, "listen", "127.0.0.1:0", |_| {});
    let port: Port = proxy.said.parse().unwrap();
    let pool = settings().pool;
    let _daemon = Helper::start("daemon", &format!("{pool} {}", home.display()), |command| {
        command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    });
    let mut client = Client::connect(&home);
    let target = || Target::Port(port);
    let kill = || KillCall { target: target(), caller: caller("/w"), dry_run: true, grace_ms: None };

    let refusal = client.call(Call::Kill(kill())).unwrap_err();
    assert_eq!(refusal.code, Code::NotYours, "{refusal:?}");
    assert!(refusal.hint.contains("stop the container"), "no Docker is there yet: {refusal:?}");

    let docker = docker(&socket, port, 2);
    let refusal =
        client.call(Call::Kill(KillCall { caller: portus_proto::Caller { force: true, ..caller("/w") }, ..kill() }));
    let refusal = refusal.unwrap_err();
    assert_eq!((refusal.code, refusal.hint.as_str()), (Code::NotYours, "docker stop shop-db-1"));
    let container = format!("port {port} is forwarded to container shop-db-1 (`db` of the compose project `shop`)");
    assert!(refusal.message.starts_with(&container), "{}", refusal.message);

    let explain = ExplainCall { target: target(), caller: caller("/w") };
    let Ok(Reply::Explained(explained)) = client.call(Call::Explain(explain)) else { panic!() };
    assert_eq!(explained.listeners[0].container.as_deref(), Some("shop-db-1"));
    assert_eq!(explained.next, "docker stop shop-db-1");
    docker.join().unwrap();
}
