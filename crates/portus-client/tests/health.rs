//! Services of all kinds are asked whether they are well, over real sockets.
#![expect(clippy::unwrap_used, reason = "tests report by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portus_client::health::{Asked, Check};
use portus_core::Port;
use portus_proto::Health;

/// Long enough that a test which meets it has hung.
const LONG: Duration = Duration::from_secs(60);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(200);

/// A server that treats each connection the same way, until it is dropped.
struct Server {
    port: Port,
    end: Option<(Sender<()>, JoinHandle<u32>)>,
    address: IpAddr,
}

impl Server {
    fn at(address: IpAddr, treat: impl Fn(&mut TcpStream, Port) + Send + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = Port::new(listener.local_addr().unwrap().port()).unwrap();
        let (end, ended) = channel();
        let serve = move || {
            let mut asked = 0;
            for stream in listener.incoming() {
                if ended.try_recv().is_ok() {
                    break;
                }
                asked += 1;
                treat(&mut stream.unwrap(), port);
            }
            asked
        };
        Self { port, end: Some((end, std::thread::spawn(serve))), address }
    }

    fn new(treat: impl Fn(&mut TcpStream, Port) + Send + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), treat)
    }

    /// One that reads the question and says this; `PORT` in it is its own.
    fn saying(answer: &'static str) -> Self {
        Self::new(move |stream, port| {
            read_question(stream);
            say(stream, &answer.replace("PORT", &port.to_string()));
        })
    }

    fn ask(&self, path: &str, within: Duration) -> Asked {
        path.parse::<Check>().unwrap().ask_port(self.port, within)
    }

    /// How many connections it has had.
    fn end(&mut self) -> u32 {
        let Some((end, thread)) = self.end.take() else { return 0 };
        end.send(()).unwrap();
        // Only to wake it.
        drop(TcpStream::connect((self.address, self.port.number())));
        thread.join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn read_question(stream: &mut TcpStream) -> String {
    let mut question = Vec::new();
    let mut byte = [0];
    while !question.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
        question.push(byte[0]);
    }
    String::from_utf8(question).unwrap()
}

/// Whoever asked may not want to hear it all.
fn say(stream: &mut TcpStream, answer: &str) {
    drop(stream.write_all(answer.as_bytes()));
}

#[test]
fn an_answer_below_400_is_healthy() {
    for (answer, wanted, said) in [
        ("HTTP/1.1 200 OK\r\n\r\nfine", Health::Healthy, "answered 200"),
        ("HTTP/1.0 204 No Content\r\n\r\n", Health::Healthy, "answered 204"),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Health::Healthy, "answered 200"),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", Health::Healthy, "answered 304"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", Health::Unhealthy, "answered 404"),
        ("HTTP/1.1 500 Oh\r\nLocation: /fine\r\n\r\n", Health::Unhealthy, "answered 500"),
        ("HTTP/1.1 503\r\n\r\n", Health::Unhealthy, "answered 503"),
        ("SSH-2.0-OpenSSH_9.9\r\n", Health::Unhealthy, "no HTTP (it begins otherwise)"),
        ("\u{0}\u{1}\u{2}\u{3}", Health::Unhealthy, "no HTTP (it begins otherwise)"),
        ("HTTP/1.1 abc\r\n\r\n", Health::Unhealthy, "no HTTP (its first line has no status)"),
        ("HTTP/1.1 200 OK\r\nX:", Health::Unhealthy, "no HTTP (it breaks off)"),
        ("", Health::Unhealthy, "ended the connection without an answer"),
    ] {
        let asked = Server::saying(answer).ask("/health", LONG);
        assert_eq!(asked.health, wanted, "{answer:?}: {}", asked.detail);
        assert!(asked.detail.contains(said), "{answer:?}: {}", asked.detail);
    }
}

#[test]
fn the_question_is_whole_and_names_the_path() {
    let (tell, told) = channel();
    let server = Server::new(move |stream, _| {
        tell.send(read_question(stream)).unwrap();
        say(stream, "HTTP/1.1 200 OK\r\n\r\n");
    });
    assert!(server.ask("/health?deep=1", LONG).is_healthy());
    let question = told.recv().unwrap();
    let host = format!("\r\nHost: localhost:{}\r\n", server.port);
    assert!(question.starts_with("GET /health?deep=1 HTTP/1.1\r\n") && question.contains(&host), "{question}");
    assert!(question.contains("\r\nConnection: close\r\n"), "{question}");
}

#[test]
fn a_service_that_hangs_is_unhealthy_when_the_time_is_over() {
    // The connection stays open until the asker gives up, which is when reading ends.
    let silent = Server::new(|stream, _| drop(stream.read_to_end(&mut Vec::new())));
    let began = Instant::now();
    let asked = silent.ask("/health", SHORT);
    assert_eq!(asked.health, Health::Unhealthy);
    assert!(asked.detail.ends_with("took the connection, and gave no answer in time"), "{}", asked.detail);
    assert!(began.elapsed() >= SHORT && began.elapsed() < LONG);
}

#[test]
fn a_service_that_drips_is_unhealthy_when_the_time_is_over() {
    // Each byte comes in time; all of them together never do.
    let dripping = Server::new(|stream, _| {
        read_question(stream);
        say(stream, "HTTP/1.1 200 OK\r\nX: ");
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        // The pause between two bytes is a read that gets nothing; it ends with the connection.
        while stream.write_all(b"x").is_ok() && !matches!(stream.read(&mut [0]), Ok(0)) {}
    });
    let asked = dripping.ask("/", SHORT);
    assert!(asked.detail.ends_with("gave no answer in time"), "{}", asked.detail);
}

#[test]
fn a_head_without_end_and_a_body_without_end_are_cut() {
    let endless = |start: &'static str| {
        Server::new(move |stream, _| {
            read_question(stream);
            say(stream, start);
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        })
    };
    let asked = endless("HTTP/1.1 200 OK\r\nX: ").ask("/", LONG);
    assert!(asked.detail.contains("its head does not end"), "{}", asked.detail);
    let asked = endless("HTTP/1.1 200 OK\r\n\r\n").ask("/", LONG);
    assert!(asked.is_healthy(), "{}", asked.detail);
}

#[test]
fn redirects_are_followed_on_this_machine() {
    let end = Server::saying("HTTP/1.1 200 OK\r\n\r\n");
    let port = end.port;
    let start = Server::new(move |stream, own| {
        let question = read_question(stream);
        let to = match question.split(' ').nth(1).unwrap() {
            "/a" => "b".to_owned(),
            "/b" => format!("http://127.0.0.1:{own}/c"),
            _ => format!("http://localhost:{port}/end"),
        };
        say(stream, &format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n"));
    });
    let asked = start.ask("/a", LONG);
    assert_eq!(asked.detail, format!("http://localhost:{port}/end answered 200"));
    assert!(asked.is_healthy());
}

#[test]
fn a_redirect_in_a_circle_comes_to_an_end() {
    let mut server = Server::saying("HTTP/1.1 307 Round\r\nLocation: /again\r\n\r\n");
    let asked = server.ask("/", LONG);
    assert_eq!(asked.health, Health::Unhealthy);
    assert!(asked.detail.starts_with("more than 5 redirects"), "{}", asked.detail);
    assert_eq!(server.end(), 6);
}

#[test]
fn no_redirect_is_followed_off_this_machine() {
    // Whoever would follow these arrives: `0.0.0.0` and the machine's names lead to the loopback as well, so that a
    // server here sees what would have gone elsewhere.
    let mut elsewhere = Server::saying("HTTP/1.1 500 Not asked\r\n\r\n");
    let there = elsewhere.port;
    for place in [
        format!("http://0.0.0.0:{there}/"),
        format!("http://ip6-localhost:{there}/"),
        format!("http://0x7f000001:{there}/"),
        format!("http://localhost@0.0.0.0:{there}/"),
        format!("//0.0.0.0:{there}/"),
        format!("https://localhost:{there}/"),
        "http://192.0.2.1/".to_owned(),
        "http://example.com/".to_owned(),
        "http://localhost.example.com/".to_owned(),
        "ftp://localhost/".to_owned(),
    ] {
        let shown = place.clone();
        let start = Server::new(move |stream, _| {
            read_question(stream);
            say(stream, &format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n"));
        });
        let asked = start.ask("/", LONG);
        assert!(asked.is_healthy(), "{shown}: it has answered, with {}", asked.detail);
        assert!(asked.detail.contains(&format!("answered 302, to {shown}, which is not followed")), "{}", asked.detail);
    }
    assert_eq!(elsewhere.end(), 0);
}

#[test]
fn a_closed_port_is_unhealthy_and_both_addresses_were_tried() {
    // The near end of a connection: its port is nobody else's, and nobody listens there.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let held = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = Port::new(held.local_addr().unwrap().port()).unwrap();
    for check in ["/health", "tcp"] {
        let asked = check.parse::<Check>().unwrap().ask_port(port, LONG);
        assert_eq!(asked.health, Health::Unhealthy);
        assert!(asked.detail.contains(&format!("127.0.0.1:{port}: ")), "{}", asked.detail);
        assert!(asked.detail.contains(&format!("[::1]:{port}: ")), "{}", asked.detail);
    }
}

#[test]
fn a_server_on_the_other_loopback_is_found() {
    // A machine without IPv6 has no such server.
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let server = Server::at(Ipv6Addr::LOCALHOST.into(), |stream, _| {
        read_question(stream);
        say(stream, "HTTP/1.1 200 OK\r\n\r\n");
    });
    assert!(server.ask("/health", LONG).is_healthy());
    assert_eq!(server.ask("http://{host}:{port}/health", LONG).health, Health::Healthy);
    assert_eq!(server.ask("http://127.0.0.1:{port}/health", LONG).health, Health::Unhealthy);
    let asked = server.ask("tcp", LONG);
    assert_eq!(asked.detail, format!("[::1]:{} takes connections", server.port));
}

#[test]
fn a_url_of_another_machine_is_no_check() {
    for text in ["http://example.com/", "http://localhost:80@example.com/", "https://localhost/", "health", "", "/a b"]
    {
        assert!(text.parse::<Check>().is_err(), "{text}");
    }
}
