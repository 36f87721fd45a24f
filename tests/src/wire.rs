//! A client that does what the product's own never would: sends call upon call, and reads when it likes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use portus_os::place::Home;
use portus_proto::codec::{decode_greeting, decode_server, encode_client, encode_hello};
use portus_proto::frame::Decoder;
use portus_proto::{Call, ClientFrame, Codec, Greeting, Hello, PROTOCOL_VERSION, ServerFrame};

/// Nothing in tests takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that has been greeted, in JSON.
#[derive(Debug)]
pub struct Wire {
    stream: UnixStream,
    decoder: Decoder,
    next_id: u64,
}

impl Wire {
    /// Connects to the daemon of this home, which must be running.
    pub fn connect(home: &Home) -> Self {
        let stream = UnixStream::connect(home.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Self { stream, decoder: Decoder::new(), next_id: 1 };
        let hello = Hello { protocol: PROTOCOL_VERSION, build: String::new(), codec: Codec::Json, network: None };
        let mut frame = Vec::new();
        encode_hello(&hello, &mut frame).unwrap();
        wire.stream.write_all(&frame).unwrap();
        let greeting = wire.receive(|payload| decode_greeting(payload).unwrap());
        assert!(matches!(greeting, Some(Greeting::Welcome(_))), "{greeting:?}");
        wire
    }

    /// Sends one call so many times, and does not wait for answers.
    pub fn send(&mut self, call: &Call, times: usize) {
        let mut frames = Vec::new();
        for _ in 0..times {
            self.next_id += 1;
            encode_client(Codec::Json, &ClientFrame { id: self.next_id, call: call.clone() }, &mut frames).unwrap();
        }
        self.stream.write_all(&frames).unwrap();
    }

    /// The next frame; `None` when the connection is over.
    pub fn frame(&mut self) -> Option<ServerFrame> {
        self.receive(|payload| decode_server(Codec::Json, payload).unwrap())
    }

    fn receive<T>(&mut self, decode: impl Fn(&[u8]) -> T) -> Option<T> {
        loop {
            if let Some(payload) = self.decoder.next_frame().unwrap() {
                return Some(decode(payload));
            }
            match self.stream.read(self.decoder.spare()) {
                Ok(0) => return None,
                Ok(len) => self.decoder.filled(len),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the daemon says nothing: {error}"),
            }
        }
    }
}
