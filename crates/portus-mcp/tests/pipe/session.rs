//! A client's end of the pipe, in either era of the protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use portus_mcp::Setup;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, split};
use tokio::task::JoinHandle;

/// No answer takes so long, unless something hangs.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    Old,
    New,
}

pub(crate) struct Session {
    writer: WriteHalf<DuplexStream>,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    era: Era,
    capabilities: Value,
    id: u64,
    /// What is answered to requests of the server, by method.
    pub(crate) replies: BTreeMap<&'static str, Value>,
    /// What the server asked.
    pub(crate) asked: Vec<Value>,
    /// What the server said by itself.
    pub(crate) heard: Vec<Value>,
    pub(crate) server: JoinHandle<Result<(), portus_mcp::ServeError>>,
}

impl Session {
    pub(crate) async fn open(setup: Setup, era: Era, capabilities: Value) -> Self {
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        let server = tokio::spawn(portus_mcp::serve(setup, theirs));
        let (reader, writer) = split(ours);
        let lines = BufReader::new(reader).lines();
        let (replies, asked, heard) = Default::default();
        let mut session = Self { writer, lines, era, capabilities, id: 0, replies, asked, heard, server };
        if era == Era::Old {
            let hello = json!({"protocolVersion": "2025-06-18", "capabilities": session.capabilities,
                "clientInfo": {"name": "piper", "version": "1"}});
            let _ = session.request("initialize", hello).await;
            session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        }
        session
    }

    async fn send(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Value {
        let line = tokio::time::timeout(DEADLINE, self.lines.next_line()).await.unwrap();
        serde_json::from_str(&line.unwrap().unwrap()).unwrap()
    }

    /// Sends a request without waiting for its answer.
    pub(crate) async fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.id += 1;
        if self.era == Era::New {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "piper", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
            });
        }
        self.send(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})).await;
        self.id
    }

    /// Its answer: the result, or the error.
    pub(crate) async fn finish(&mut self, id: u64) -> Value {
        loop {
            let mut message = self.receive().await;
            if let Some(method) = message["method"].as_str().map(str::to_owned) {
                if message["id"].is_null() {
                    self.heard.push(message);
                    continue;
                }
                let result = self.replies[method.as_str()].clone();
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).await;
                self.asked.push(message["params"].take());
            } else if message["id"] == id {
                let answer = if message["error"].is_null() { "result" } else { "error" };
                return message[answer].take();
            }
        }
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params).await;
        self.finish(id).await
    }

    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// The structure of a good answer, which the text must hold as well.
    pub(crate) async fn good(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert_ne!(answer["isError"], true, "{answer}");
        let structure = answer["structuredContent"].clone();
        let mut rest = structure.clone();
        let next = rest.as_object_mut().unwrap().remove("next").unwrap();
        assert_eq!(answer["content"][0]["text"], format!("{}\n{rest}", next.as_str().unwrap()));
        structure
    }

    /// The text of a bad answer, which is all there is of it.
    pub(crate) async fn bad(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments).await;
        assert_eq!(answer["isError"], true, "{answer}");
        assert_eq!(answer["content"].as_array().unwrap().len(), 1);
        assert_eq!(answer.get("structuredContent"), None);
        answer["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// Goes, and waits until the server has gone as well.
    pub(crate) async fn close(self) {
        drop((self.writer, self.lines));
        tokio::time::timeout(DEADLINE, self.server).await.unwrap().unwrap().unwrap();
    }
}
